package settings

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/moothall/moothall/worker/jobs"
)

var name = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$`)

// Tags are k=v,… for filters.
type Tags map[string]string

// UnmarshalText reads "k=v,…". A key is given once; a value is everything up to
// the next comma.
func (t *Tags) UnmarshalText(text []byte) error {
	tags := Tags{}
	err := eachPair(string(text), func(k, v string) error {
		tags[k] = v
		return nil
	})
	*t = tags
	return err
}

func (t Tags) String() string {
	var pairs []string
	for _, k := range slices.Sorted(maps.Keys(t)) {
		pairs = append(pairs, k+"="+t[k])
	}
	return strings.Join(pairs, ",")
}

// A Mount is a shared folder.
type Mount = jobs.Mount

// Mounts are in the order the owner wrote them.
type Mounts []Mount

// UnmarshalText reads "name=/path,…".
func (m *Mounts) UnmarshalText(text []byte) error {
	var all Mounts
	err := eachPair(string(text), func(k, v string) error {
		if !filepath.IsAbs(v) {
			return fmt.Errorf("path %q of %s does not begin with /", v, k)
		}
		all = append(all, Mount{Name: k, Path: filepath.Clean(v)})
		return nil
	})
	*m = all
	return err
}

func (m Mounts) String() string {
	var pairs []string
	for _, x := range m {
		pairs = append(pairs, x.Name+"="+x.Path)
	}
	return strings.Join(pairs, ",")
}

func checkMount(m Mount) error {
	info, err := os.Stat(m.Path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("%s: there is no folder %s", m.Name, m.Path)
	case err != nil:
		return fmt.Errorf("%s: %w", m.Name, err)
	case !info.IsDir():
		return fmt.Errorf("%s: %s is not a folder", m.Name, m.Path)
	}
	return nil
}

// eachPair calls do for each k=v of a comma-separated list and joins what is
// wrong.
func eachPair(text string, do func(k, v string) error) error {
	var wrong []string
	seen := map[string]bool{}
	for pair := range strings.SplitSeq(text, ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		k, v, ok := strings.Cut(strings.TrimSpace(pair), "=")
		switch {
		case !ok:
			wrong = append(wrong, fmt.Sprintf("%q is not name=value", k))
		case !name.MatchString(k):
			wrong = append(wrong, fmt.Sprintf("%q is not a name: use letters, digits, \".\", \"_\" and \"-\"", k))
		case seen[k]:
			wrong = append(wrong, fmt.Sprintf("%q is there twice", k))
		default:
			if err := do(k, v); err != nil {
				wrong = append(wrong, err.Error())
			}
		}
		seen[k] = true
	}
	if wrong == nil {
		return nil
	}
	return errors.New(strings.Join(wrong, ", "))
}
