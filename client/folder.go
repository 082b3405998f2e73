package client

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/signaling/transfer"
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

// ownFolder opens the folder that has the job's name. Of a job that this run has begun it
// must be new: its name is the worker's word, which could be that of a folder of ours.
func (r *run) ownFolder() error {
	path := r.result.JobID
	if r.owner != "" {
		if err := os.Mkdir(path, 0o755); err != nil {
			return events.Errorf(events.CodeFile, "cannot make the folder %s for the outputs: %s", path, plain(err)).
				WithTry("moot get %s --to FOLDER", path)
		}
	}
	return r.openFolder(path)
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

// has reports whether an output is here, whole, as its hash says.
func (f *folder) has(h events.FileHeader) bool {
	name := filepath.FromSlash(h.Name)
	if info, err := f.root.Lstat(name); err != nil || !info.Mode().IsRegular() || info.Size() != h.Size {
		return false
	}
	file, err := f.root.Open(name)
	if err != nil {
		return false
	}
	defer file.Close()
	sum := sha256.New()
	_, err = io.Copy(sum, file)
	return err == nil && strings.EqualFold(hex.EncodeToString(sum.Sum(nil)), h.SHA256)
}

// here are those of the outputs that are here whole.
func (f *folder) here(named []events.FileHeader) []Output {
	return f.outputs(slices.DeleteFunc(slices.Clone(named), func(h events.FileHeader) bool { return !f.has(h) }))
}

// outputs are files as they lie in the folder.
func (f *folder) outputs(files []events.FileHeader) []Output {
	all := make([]Output, len(files))
	for i, h := range files {
		all[i] = Output{Name: h.Name, Size: h.Size, SHA256: h.SHA256, Path: filepath.Join(f.path, filepath.FromSlash(h.Name))}
	}
	return all
}

// credible refuses outputs of which a worker has not said, or not in a way that could be,
// what they are: what comes is compared with it.
func credible(outputs []events.FileHeader) error {
	names := map[string]bool{}
	for _, h := range outputs {
		err := transfer.CheckName(h.Name)
		switch sum, bad := hex.DecodeString(h.SHA256); {
		case err != nil:
		case names[h.Name]:
			err = events.Errorf(events.CodeInvalid, "%s is named twice", h.Name)
		case h.Size < 0:
			err = events.Errorf(events.CodeInvalid, "%s cannot have %d bytes", h.Name, h.Size)
		case bad != nil || len(sum) != sha256.Size:
			err = events.Errorf(events.CodeInvalid, "%s has no hash", h.Name)
		}
		if err != nil {
			return events.Errorf(events.CodeDamaged, "the outputs are refused: %v", err)
		}
		names[h.Name] = true
	}
	return nil
}

// stands refuses to overwrite files.
func stands(found []string, folder string) error {
	const shown = 5
	list := found[:min(shown, len(found))]
	e := events.Errorf(events.CodeFile, "%s in %s already: %s", count(len(found), "output is", "outputs are"), folder, strings.Join(list, ", "))
	return e.WithTry("--force to overwrite, or another folder with --to")
}
