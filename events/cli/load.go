package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"reflect"
	"strings"

	"github.com/kelseyhightower/envconfig"
)

// Load fills the struct that cfg points to from the environment. Unlike bare
// envconfig it
//
//   - reports every problem at once, in words for the owner of the machine,
//   - takes an empty value for a missing one, so a required setting must say
//     something and an optional one keeps its default,
//   - never repeats the value of a secret,
//   - reads a Secret also from the file that NAME_FILE names,
//   - reads a name without the prefix only where the field says bare:"true".
//
// If *cfg has a method Validate() []Problem, its findings are part of the same
// error. The error is an *events.Error with CodeConfig; the struct must not be
// used after it.
func Load(prefix string, cfg any) error {
	var ps problems
	for _, s := range settings(prefix, cfg) {
		if text := s.load(); text != "" {
			ps = append(ps, Problem{Names: []string{s.name}, Text: text})
		}
	}
	if v, ok := cfg.(interface{ Validate() []Problem }); ok {
		ps = ps.add(v.Validate())
	}
	return ps.err()
}

// load fills one field and returns what is wrong, "" if nothing is.
func (s setting) load() string {
	value, set := os.LookupEnv(s.name)
	if file := s.fileName(); file != "" && os.Getenv(file) != "" {
		return s.loadFile(file, value)
	}
	if value != "" {
		return s.parse(s.name, value)
	}
	if s.required() {
		return s.missing(set)
	}
	if def := s.tag.Get("default"); def != "" {
		return s.parse(noVariable, def)
	}
	return ""
}

func (s setting) missing(set bool) string {
	switch {
	case set:
		return s.name + " is empty"
	case s.fileName() != "":
		return s.name + " is not set, nor is " + s.fileName()
	}
	return s.name + " is not set"
}

// noVariable is a name that no variable can have: envconfig then takes the
// default.
const noVariable = "="

// parse lets envconfig read one variable, by way of a struct with one field:
// envconfig itself stops at the first bad one of a struct.
func (s setting) parse(variable, value string) string {
	tag := fmt.Sprintf("envconfig:%q default:%q", variable, s.tag.Get("default"))
	one := reflect.New(reflect.StructOf([]reflect.StructField{
		{Name: "Value", Type: s.field.Type(), Tag: reflect.StructTag(tag)},
	}))
	err := envconfig.Process("", one.Interface())
	if bad := (*envconfig.ParseError)(nil); errors.As(err, &bad) {
		return s.complaint(value, bad.Err)
	}
	if err != nil {
		return s.show(value) + " is not valid"
	}
	s.field.Set(one.Elem().Field(0))
	return ""
}

// maxSecretFile bounds a file with a secret. Bytes.
const maxSecretFile = 64 << 10

// loadFile reads a secret from the file that the variable named file names. Line
// breaks at its end do not belong to it.
func (s setting) loadFile(file, value string) string {
	path := os.Getenv(file)
	if value != "" {
		return fmt.Sprintf("%s and %s are both set; keep one", s.name, file)
	}
	text, err := readBounded(path, maxSecretFile)
	if err != nil {
		return fmt.Sprintf("%s=%q: %v", file, path, plain(err))
	}
	text = strings.TrimRight(text, "\r\n")
	if text == "" {
		return fmt.Sprintf("%s=%q: the file is empty", file, path)
	}
	s.field.SetString(text)
	return ""
}

func readBounded(path string, limit int64) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return "", err
	}
	if int64(len(data)) > limit {
		return "", fmt.Errorf("the file has more than %d bytes", limit)
	}
	return string(data), nil
}

// plain is err without the operation and path that a path error repeats.
func plain(err error) error {
	if p := (*fs.PathError)(nil); errors.As(err, &p) {
		return p.Err
	}
	return err
}
