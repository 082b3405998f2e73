package client

import (
	"errors"
	"io/fs"
	"os"

	"github.com/moothall/moothall/events"
)

// maxArguments leaves room for the rest of a JobStart in one frame. Bytes.
const maxArguments = events.MaxMessage / 2

// overhead is about what an input in place costs in a JobStart beside its names. Bytes.
const overhead = 64

// Validate checks what can be known before anybody is asked: that there is a command,
// that the inputs are readable files and that no two of them have one base name.
func (j Job) Validate() error {
	if j.Command == "" {
		return events.Errorf(events.CodeUsage, "no command to run").WithTry("moot run [flags] -- COMMAND [ARGS…]")
	}
	size := 0
	for _, a := range j.Args {
		size += len(a)
	}
	for _, path := range j.Inputs {
		if s := j.source(path); s.ref != nil {
			size += len(s.name) + len(s.ref.String()) + overhead
		}
	}
	if size > maxArguments {
		return events.Errorf(events.CodeUsage, "the arguments and the names of inputs have %d bytes, at most %d are allowed", size, maxArguments).
			WithTry("put the arguments into a file and send it with -i, or use a folder of a mount as one input")
	}
	_, err := j.sources()
	return err
}

// inputs are what a worker would be given, with the sizes of what would be sent.
func (j Job) inputs(w events.Worker) ([]Input, error) {
	all := []Input{}
	sent, mounted, err := j.cargo(w)
	if err != nil {
		return all, err
	}
	for _, s := range sent {
		info, err := os.Stat(s.Path)
		if err != nil {
			return all, events.Errorf(events.CodeFile, "cannot read the input %s: %s", s.Path, plain(err))
		}
		all = append(all, Input{Name: s.Name, Path: s.Path, Size: info.Size()})
	}
	for _, m := range mounted {
		all = append(all, Input{Name: m.Name, Path: MountRef{m.Mount, m.Path}.String(), InPlace: true})
	}
	return all, nil
}

func readable(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return events.Errorf(events.CodeFile, "cannot read the input %s: %s", path, plain(err))
	}
	defer f.Close()
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		return events.Errorf(events.CodeFile, "the input %s is a folder", path).WithTry("tar -czf inputs.tgz %s, and send that", path)
	}
	if err != nil {
		return events.Errorf(events.CodeFile, "cannot read the input %s: %s", path, plain(err))
	}
	return nil
}

// plain is an error without the operation and path that its message repeats.
func plain(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}
