package client

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/moothall/moothall/events"
)

// A mapState is the file of a Map: what of it is done, and what was begun.
type mapState struct {
	path    string
	Command string             `json:"command"`
	Args    []string           `json:"args"`
	Inputs  map[string]Outcome `json:"inputs"` // by hash and name; without a state until its job has ended
}

func (m Map) statePath() string { return cmp.Or(m.State, filepath.Join(m.To, ".moot-map.json")) }

// lock keeps other processes from the state file until it is closed.
func (m Map) lock() (*os.File, error) {
	path := m.statePath()
	unusable := func(err error) error {
		return events.Errorf(events.CodeFile, "the state file %s cannot be used: %s", path, plain(err))
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, unusable(err)
	}
	// Beside it: the file itself is replaced with each change.
	f, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, unusable(err)
	}
	ours, err := lock(f)
	if err != nil {
		err = unusable(err)
	} else if !ours {
		err = events.Errorf(events.CodeUnavailable, "another moot map works with the state file %s", path).
			WithTry("again when it has ended, or another --state or --to")
	}
	if err != nil {
		_ = f.Close() // nothing was written
		return nil, err
	}
	return f, nil
}

// openMapState reads the state of the same command; there may be none yet.
func openMapState(path, command string, args []string) (*mapState, error) {
	s := &mapState{path: path, Command: command, Args: append([]string{}, args...), Inputs: map[string]Outcome{}}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	before := mapState{path: path, Inputs: map[string]Outcome{}}
	if err == nil {
		err = json.Unmarshal(text, &before)
	}
	if err != nil {
		return nil, events.Errorf(events.CodeFile, "the state file %s cannot be read: %s", path, plain(err)).WithTry("another --state, or move the file away to begin anew")
	}
	if before.Command != s.Command || !slices.Equal(before.Args, s.Args) {
		return nil, events.Errorf(events.CodeUsage, "the state file %s is of another command: %s %q", path, before.Command, before.Args).
			WithTry("another --state or --to")
	}
	return &before, nil
}

// note writes down how an input stands.
func (s *mapState) note(key string, o Outcome) error {
	s.Inputs[key] = o
	err := os.MkdirAll(filepath.Dir(s.path), 0o755)
	if err == nil {
		err = writeWhole(s.path, s)
	}
	if err != nil {
		return events.Errorf(events.CodeFile, "the state file %s cannot be written: %s", s.path, plain(err))
	}
	return nil
}

// keyOf tells an input from others, and from itself with another content. Of what is on
// workers only, the name is all that is known.
func (m Map) keyOf(input string) (string, error) {
	s := m.source(input)
	if s.local == "" {
		return s.ref.String(), nil
	}
	sum, err := hashFile(input)
	if err != nil {
		if s.ref != nil {
			return s.ref.String(), nil
		}
		return "", events.Errorf(events.CodeFile, "cannot read the input %s: %s", input, plain(err))
	}
	return sum + " " + s.name, nil
}

func hashFile(path string) (string, error) {
	if err := readable(path); err != nil {
		return "", err
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
