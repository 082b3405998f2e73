package jobs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/signaling/transfer"
)

// A Mount is a folder whose files jobs may use where they are: what the room calls it
// and its absolute path here.
type Mount struct{ Name, Path string }

// Mounts are those of one worker.
type Mounts []Mount

// Names lists the mounts' names, sorted.
func (ms Mounts) Names() []string {
	names := make([]string, len(ms))
	for i, m := range ms {
		names[i] = m.Name
	}
	slices.Sort(names)
	return names
}

func (ms Mounts) find(name string) (Mount, error) {
	i := slices.IndexFunc(ms, func(m Mount) bool { return m.Name == name })
	if i < 0 {
		return Mount{}, events.Errorf(events.CodeFile, "there is no mount %q here", name).
			WithTry("moot workers --json names the mounts of each worker")
	}
	return ms[i], nil
}

// A placed input is a file or folder of a mount, and its name among a job's inputs.
type placed struct{ name, target string }

// place finds inputs in their mounts, each once and under a name of its own.
func (ms Mounts) place(inputs []events.MountedInput) ([]placed, error) {
	var all []placed
	for _, in := range inputs {
		if err := transfer.CheckName(in.Name); err != nil || strings.Contains(in.Name, "/") {
			return nil, events.Errorf(events.CodeInvalid, "%.80q is no name for an input", in.Name)
		}
		if slices.ContainsFunc(all, func(p placed) bool { return p.name == in.Name }) {
			return nil, events.Errorf(events.CodeInvalid, "two inputs have the name %q", in.Name)
		}
		target, err := ms.locate(in.Mount, in.Path)
		if err != nil {
			return nil, err
		}
		all = append(all, placed{in.Name, target})
	}
	return all, nil
}

// locate is the absolute path of a file or folder in a mount. It opens nothing, so that
// a FIFO cannot hold it, and follows no link that leads out.
func (ms Mounts) locate(mount, path string) (string, error) {
	m, err := ms.find(mount)
	if err != nil {
		return "", err
	}
	name, err := inMount(path)
	if err != nil {
		return "", err
	}
	root, err := os.OpenRoot(m.Path)
	if err != nil {
		return "", inPlace(mount, path, err)
	}
	defer root.Close()
	info, err := root.Stat(name)
	if err != nil {
		return "", inPlace(mount, path, err)
	}
	if !info.Mode().IsRegular() && !info.IsDir() {
		return "", inPlace(mount, path, fmt.Errorf("it is %s, neither a file nor a folder", kind(info.Mode().Type())))
	}
	return filepath.Join(m.Path, name), nil
}

// inMount is a path of a mount as a name for its root: "/videos/a.mp4" without the
// slash, "." for the mount itself.
func inMount(path string) (string, error) {
	name := strings.Trim(path, "/")
	if name == "" {
		return ".", nil
	}
	return filepath.FromSlash(name), transfer.CheckName(name)
}

// inPlace is an error about a file of a mount. Where the mount is on the worker is
// nobody's business.
func inPlace(mount, path string, err error) error {
	if e := (*fs.PathError)(nil); errors.As(err, &e) {
		err = e.Err
	}
	return events.Errorf(events.CodeFile, "%s:/%s cannot be used: %v", mount, strings.TrimLeft(path, "/"), err)
}

// link makes inputs of mounts seen in the folder of a job's inputs.
func link(folder string, inputs []placed) error {
	for _, p := range inputs {
		if err := os.Symlink(p.target, filepath.Join(folder, p.name)); err != nil {
			return err
		}
	}
	return nil
}
