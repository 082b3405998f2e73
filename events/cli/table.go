package cli

import (
	"encoding"
	"fmt"
	"os"
	"reflect"
	"strings"
	"text/tabwriter"
)

// Table lists the settings of cfg for --env-help: name, default, meaning, in
// aligned columns, one setting a line.
func Table(prefix string, cfg any) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tDEFAULT\tMEANING")
	for _, s := range settings(prefix, cfg) {
		fmt.Fprintf(w, "%s\t%s\t%s\n", s.label(), s.preset(), s.tag.Get("desc"))
	}
	_ = w.Flush() // a Builder takes everything
	return b.String()
}

// label is the name with its file form: MOOT_TOKEN[_FILE].
func (s setting) label() string {
	if s.fileName() != "" {
		return s.name + "[_FILE]"
	}
	return s.name
}

// preset is what applies when the variable is not set, in words.
func (s setting) preset() string {
	if s.required() {
		return "required"
	}
	for _, t := range []string{s.tag.Get("default"), s.tag.Get("unset")} {
		if t != "" {
			return t
		}
	}
	return "none"
}

// A Value is a setting as it is in effect. Source is "environment", "default" or
// "file"; Value is never a secret's.
type Value struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Source string `json:"source"`
}

// Effective lists the settings of a loaded cfg with what is in effect, for
// --check. Secrets show their length only.
func Effective(prefix string, cfg any) []Value {
	var all []Value
	for _, s := range settings(prefix, cfg) {
		all = append(all, Value{Name: s.name, Value: s.effective(), Source: s.source()})
	}
	return all
}

func (s setting) source() string {
	switch file := s.fileName(); {
	case file != "" && os.Getenv(file) != "":
		return "file"
	case os.Getenv(s.name) != "":
		return "environment"
	}
	return "default"
}

func (s setting) effective() string {
	v := s.field
	if v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	if v.IsZero() && s.tag.Get("unset") != "" && s.source() == "default" {
		return "(" + s.tag.Get("unset") + ")"
	}
	if s.secret() && v.Kind() == reflect.String {
		return Secret(v.String()).Hint()
	}
	if s.secret() {
		return "(hidden)"
	}
	if m, ok := v.Interface().(encoding.TextMarshaler); ok {
		if text, err := m.MarshalText(); err == nil {
			return string(text)
		}
	}
	return fmt.Sprint(v.Interface())
}
