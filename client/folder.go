package client

import (
	"cmp"
	"os"
	"path/filepath"
	"strings"

	"github.com/moothall/moothall/events"
)

// A folder takes a job's outputs.
type folder struct {
	path string
	root *os.Root
}

func (r *run) openFolder(path string) error {
	if err := os.MkdirAll(path, 0o755); err != nil {
		return events.Errorf(events.CodeFile, "cannot make the folder %s for the outputs: %s", path, plain(err))
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return events.Errorf(events.CodeFile, "cannot open the folder %s for the outputs: %s", path, plain(err))
	}
	r.folder = &folder{path, root}
	return nil
}

func (f *folder) close() { f.root.Close() }

// standing lists which of the files are there already.
func (f *folder) standing(files []events.FileHeader) []string {
	var found []string
	for _, h := range files {
		if _, err := f.root.Lstat(filepath.FromSlash(h.Name)); err == nil {
			found = append(found, h.Name)
		}
	}
	return found
}

// outputs are the files that came, if they are those that the job's end named.
func (f *folder) outputs(named, came []events.FileHeader) ([]Output, error) {
	if len(named) != len(came) {
		return nil, events.Errorf(events.CodeDamaged, "%d files came back, the job has %d", len(came), len(named))
	}
	all := make([]Output, len(came))
	for i, h := range came {
		n := named[i]
		if n.Name != h.Name || n.Size != h.Size || !strings.EqualFold(cmp.Or(n.SHA256, h.SHA256), h.SHA256) {
			return nil, events.Errorf(events.CodeDamaged, "%s arrived damaged (not the file that the job's end named)", h.Name)
		}
		all[i] = Output{Name: h.Name, Size: h.Size, SHA256: h.SHA256, Path: filepath.Join(f.path, filepath.FromSlash(h.Name))}
	}
	return all, nil
}

// stands refuses to overwrite files.
func stands(found []string, folder string) error {
	const shown = 5
	list := found[:min(shown, len(found))]
	e := events.Errorf(events.CodeFile, "%s in %s already: %s", count(len(found), "output is", "outputs are"), folder, strings.Join(list, ", "))
	return e.WithTry("--force to overwrite, or another folder with --to")
}
