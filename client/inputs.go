package client

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/signaling/transfer"
)

// maxArguments leaves room for the rest of a JobStart in one frame. Bytes.
const maxArguments = events.MaxMessage / 2

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
	if size > maxArguments {
		return events.Errorf(events.CodeUsage, "the arguments have %d bytes, at most %d are allowed", size, maxArguments).
			WithTry("put them into a file and send it with -i")
	}
	_, err := j.sources()
	return err
}

// sources are the inputs as they are sent, each under its base name.
func (j Job) sources() ([]transfer.Source, error) {
	var all []transfer.Source
	taken := map[string]string{}
	for _, path := range j.Inputs {
		name := filepath.Base(path)
		if other, ok := taken[name]; ok {
			return nil, events.Errorf(events.CodeUsage, "two input files have the name %q: %s and %s", name, other, path).
				WithTry("rename one: each arrives as MOOT_IN/%s", name)
		}
		taken[name] = path
		if err := readable(path); err != nil {
			return nil, err
		}
		all = append(all, transfer.Source{Name: name, Path: path})
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
