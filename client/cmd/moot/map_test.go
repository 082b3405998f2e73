package main

import (
	"slices"
	"testing"

	"github.com/moothall/moothall/client"
	"github.com/moothall/moothall/events"
)

func TestMap_SplitsItsCommandWithoutAShell(t *testing.T) {
	for text, want := range map[string][]string{
		"train {}":                     {"train", "{}"},
		"  train\t--fast  {} ":         {"train", "--fast", "{}"},
		`sh -c 'echo "$1" | cat' x {}`: {"sh", "-c", `echo "$1" | cat`, "x", "{}"},
		`train --name="a b"'c'`:        {"train", "--name=a bc"},
		`train ''`:                     {"train", ""},
		"":                             nil,
		"'train":                       nil,
	} {
		got, err := splitWords(text)
		if !slices.Equal(got, want) || (err == nil) != (want != nil) {
			t.Errorf("%q gives %q, %v", text, got, err)
		}
	}
}

func TestMap_ExitCodeTellsLostFromFailed(t *testing.T) {
	done, failed, lost := client.Outcome{State: events.JobDone}, client.Outcome{State: events.JobFailed}, client.Outcome{State: events.JobLost}
	for _, c := range []struct {
		all  []client.Outcome
		want error
	}{
		{[]client.Outcome{done, done}, nil},
		{[]client.Outcome{done, failed}, exit(1)},
		{[]client.Outcome{failed, lost}, exit(75)},
		{[]client.Outcome{done, {}}, exit(75)},
	} {
		v := mapView{Inputs: c.all}
		for _, o := range c.all {
			v.count(o)
		}
		if got := v.ending(); got != c.want { //nolint:errorlint // an exit has no wrapping
			t.Errorf("%+v end with %v, want %v", c.all, got, c.want)
		}
	}
}
