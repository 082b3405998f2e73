package main

import (
	"reflect"
	"testing"

	"github.com/moothall/moothall/events"
)

func TestMegabytes_AsPeopleWriteMemory(t *testing.T) {
	for text, want := range map[string]int64{
		"":         0,
		"8192":     8192,
		"8GiB":     8192,
		"8 GiB":    8192,
		"8gib":     8192,
		"0.5GiB":   512,
		"24GB":     22889, // a card sold with 24 GB has 24564 MiB: it must pass
		"8000MB":   7630,
		"8192MiB":  8192,
		"1TiB":     1 << 20,
		"1024 KiB": 1,
	} {
		if got, err := megabytes(text); err != nil || got != want {
			t.Errorf("%q is %d MB (%v), want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"lots", "-1", "8Gigs", "8GiBs", "1e3", "GiB", "8,5GB"} {
		if got, err := megabytes(text); events.CodeOf(err) != events.CodeUsage {
			t.Errorf("%q is %d MB (%v), want a usage error", text, got, err)
		}
	}
}

func TestFilters_FromFlags(t *testing.T) {
	f := filterFlags{status: "available", memory: "8GiB", model: "A5000", tags: []string{"lab=east", "note=a=b"}}
	got, err := f.filters()
	want := events.Filters{
		Status: events.StatusAvailable, MinGPUMemoryMB: 8192, GPUModel: "A5000", Tags: map[string]string{"lab": "east", "note": "a=b"},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	for _, bad := range []filterFlags{{status: "idle"}, {status: "departed"}, {tags: []string{"east"}}, {tags: []string{"=east"}}} {
		if _, err := bad.filters(); events.CodeOf(err) != events.CodeUsage {
			t.Errorf("%+v gives %v", bad, err)
		}
	}
}
