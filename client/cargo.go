package client

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/signaling/transfer"
)

// A MountMapping says that a local folder is a folder of a mount: the same share,
// mounted here and on workers.
type MountMapping struct {
	Local string   `json:"local"` // absolute
	Ref   MountRef `json:"ref"`
}

// A source is one input: a local file, a thing of a mount, or a file that is both.
type source struct {
	name  string
	local string    // "": not here
	ref   *MountRef // nil: of no mount
}

// has reports whether a worker is known to have the mount of an input.
func (s source) has(w events.Worker) bool {
	return s.ref != nil && slices.Contains(w.Mounts, s.ref.Mount)
}

// sources reads the inputs and finds what is wrong with them.
func (j Job) sources() ([]source, error) {
	var all []source
	taken := map[string]string{}
	for _, path := range j.Inputs {
		s := j.source(path)
		if other, ok := taken[s.name]; ok {
			return nil, events.Errorf(events.CodeUsage, "two input files have the name %q: %s and %s", s.name, other, path).
				WithTry("rename one: each arrives as MOOT_IN/%s", s.name)
		}
		taken[s.name] = path
		if err := s.ref.check(); err != nil {
			return nil, err
		}
		err := readable(path)
		switch {
		case s.ref == nil && err != nil:
			return nil, err
		case err != nil:
			s.local = "" // it can be used in place only
		}
		all = append(all, s)
	}
	return all, nil
}

func (j Job) source(path string) source {
	if ref, ok := ParseMountRef(path); ok {
		return source{name: ref.base(), ref: &ref}
	}
	return source{name: filepath.Base(path), local: path, ref: j.mapped(path)}
}

// mapped is what the longest mapping makes of a local path, nil if none is for it.
func (j Job) mapped(path string) *MountRef {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil
	}
	var best *MountRef
	longest := -1
	for _, m := range j.Mounts {
		rel, err := filepath.Rel(m.Local, abs)
		if err != nil || !filepath.IsLocal(rel) || len(m.Local) <= longest {
			continue
		}
		ref := m.Ref.Below(strings.TrimPrefix(filepath.ToSlash(rel), "."))
		best, longest = &ref, len(m.Local)
	}
	return best
}

// cargo divides the inputs for a worker: what is sent, and what it has in a mount.
func (j Job) cargo(w events.Worker) (sent []transfer.Source, mounted []events.MountedInput, err error) {
	all, err := j.sources()
	for _, s := range all {
		if s.local == "" || s.has(w) {
			mounted = append(mounted, events.MountedInput{Name: s.name, Mount: s.ref.Mount, Path: s.ref.Path})
		} else {
			sent = append(sent, transfer.Source{Name: s.name, Path: s.local})
		}
	}
	return sent, mounted, err
}

// needs are the mounts without which a job cannot run.
func (j Job) needs() []string {
	all, err := j.sources()
	if err != nil {
		return nil
	}
	var mounts []string
	for _, s := range all {
		if s.local == "" && !slices.Contains(mounts, s.ref.Mount) {
			mounts = append(mounts, s.ref.Mount)
		}
	}
	return mounts
}

// lacks is a mount that a job needs and the worker has not, "" if there is none. Of a
// worker whose row has not arrived nobody knows it: then it can say no itself.
func (j Job) lacks(w events.Worker) string {
	if w.Commands == nil {
		return ""
	}
	for _, mount := range j.needs() {
		if !slices.Contains(w.Mounts, mount) {
			return mount
		}
	}
	return ""
}
