package cli

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/moothall/moothall/events"
)

// A Problem is one thing that is wrong with a configuration. Text is for people
// and names the variable; Names are the variables it follows from.
type Problem struct {
	Names []string
	Text  string
}

// Problemf makes a problem of one variable.
func Problemf(name, format string, args ...any) Problem {
	return Problem{Names: []string{name}, Text: fmt.Sprintf(format, args...)}
}

type problems []Problem

// add takes in what a validation found, less what follows from a variable that
// could not even be read: its field is not what the owner wrote.
func (ps problems) add(found []Problem) problems {
	read := len(ps)
	for _, p := range found {
		if !slices.ContainsFunc(ps[:read], func(q Problem) bool { return sharesName(p, q) }) {
			ps = append(ps, p)
		}
	}
	return ps
}

func sharesName(p, q Problem) bool {
	return slices.ContainsFunc(p.Names, func(n string) bool { return slices.Contains(q.Names, n) })
}

// err is one error that says them all, nil if there are none.
func (ps problems) err() error {
	if len(ps) == 0 {
		return nil
	}
	texts := make([]string, len(ps))
	for i, p := range ps {
		texts[i] = p.Text
	}
	if len(ps) == 1 {
		return events.Errorf(events.CodeConfig, "%s", texts[0])
	}
	return events.Errorf(events.CodeConfig, "%d settings are wrong: %s", len(ps), strings.Join(texts, "; "))
}

// maxShown bounds how much of a value a message repeats. Characters.
const maxShown = 60

// show is NAME="value" as messages have it, without the value of a secret.
func (s setting) show(value string) string {
	if s.secret() {
		return fmt.Sprintf("%s (%d characters, hidden)", s.name, utf8.RuneCountInString(value))
	}
	if r := []rune(value); len(r) > maxShown {
		value = string(r[:maxShown]) + "…"
	}
	return fmt.Sprintf("%s=%q", s.name, value)
}

// complaint says in a person's words why a value does not fit its field.
func (s setting) complaint(value string, err error) string {
	shown := s.show(value)
	t := s.field.Type()
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case s.duration():
		return shown + " is not a duration; " + durationHint(value, s.secret())
	case decodes(t) && s.secret():
		return shown + " is not valid"
	case decodes(t):
		return shown + ": " + err.Error()
	case errors.Is(err, strconv.ErrRange):
		return shown + " is out of range"
	}
	switch k := t.Kind(); {
	case k >= reflect.Int && k <= reflect.Int64:
		return shown + " is not a whole number"
	case k >= reflect.Uint && k <= reflect.Uint64:
		return shown + " is not a whole number from 0 on"
	case k == reflect.Float32 || k == reflect.Float64:
		return shown + " is not a number"
	case k == reflect.Bool:
		return shown + " is neither true nor false"
	case s.secret():
		return shown + " is not valid"
	}
	return shown + " is not valid: " + err.Error()
}

func durationHint(value string, secret bool) string {
	if _, err := strconv.ParseFloat(value, 64); err == nil && !secret {
		return "write " + value + "s"
	}
	return "write it like 5s, 500ms or 2h"
}
