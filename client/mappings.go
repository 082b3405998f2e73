package client

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/moothall/moothall/events"
)

// mappingsFile holds the mappings of every hub in the client's folder.
const mappingsFile = "mounts.json"

// Mappings are the MountMappings that a person has named, for each hub.
type Mappings struct {
	path string
	hubs map[string][]MountMapping
}

// OpenMappings reads the mappings in the client's folder; there may be none yet. The
// error has CodeFile.
func OpenMappings(dir string) (*Mappings, error) {
	m := &Mappings{path: filepath.Join(dir, mappingsFile), hubs: map[string][]MountMapping{}}
	text, err := os.ReadFile(m.path)
	if errors.Is(err, fs.ErrNotExist) {
		return m, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &m.hubs)
	}
	if err != nil {
		return nil, events.Errorf(events.CodeFile, "the mounts in %s cannot be read: %s", m.path, plain(err)).WithTry("move the file away, and moot mount add")
	}
	return m, nil
}

// Of are the mappings for a hub.
func (m *Mappings) Of(hub string) []MountMapping { return m.hubs[hub] }

// Add names a mapping, in place of another of the same local folder, and saves.
func (m *Mappings) Add(hub string, add MountMapping) error {
	m.drop(hub, add.Local)
	m.hubs[hub] = append(m.hubs[hub], add)
	return m.save()
}

// Remove forgets the mapping of a local folder and saves; false if there is none.
func (m *Mappings) Remove(hub, local string) (bool, error) {
	if !m.drop(hub, local) {
		return false, nil
	}
	return true, m.save()
}

func (m *Mappings) drop(hub, local string) bool {
	var kept []MountMapping
	for _, x := range m.hubs[hub] {
		if x.Local != local {
			kept = append(kept, x)
		}
	}
	dropped := len(kept) < len(m.hubs[hub])
	m.hubs[hub] = kept
	return dropped
}

// save puts the file in place whole.
func (m *Mappings) save() error {
	err := os.MkdirAll(filepath.Dir(m.path), 0o700)
	if err == nil {
		err = writeWhole(m.path, m.hubs)
	}
	if err != nil {
		return events.Errorf(events.CodeFile, "the mounts cannot be saved in %s: %s", m.path, plain(err))
	}
	return nil
}

// writeWhole writes a document into a file that has the old or the new text, never a
// part of one.
func writeWhole(path string, doc any) error {
	text, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return err
	}
	draft := path + "." + rand.Text()
	defer os.Remove(draft) //nolint:errcheck // it is not there when all went well
	f, err := os.OpenFile(draft, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(text, '\n'))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(draft, path)
}
