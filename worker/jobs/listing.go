package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/signaling/transfer"
)

// Bounds of one page of a listing, so that it fits a frame, and of what is read at once.
const (
	pageEntries = 256
	pageBytes   = 48 << 10
	readAhead   = 512 // entries
)

// list answers MountList.
func (c *conversation) list(ctx context.Context, r events.MountList) error {
	if err := checkVersion(r.V); err != nil {
		return err
	}
	listing, err := c.service.config.Mounts.list(r)
	if err != nil {
		return err
	}
	return c.send(ctx, events.FrameListing, listing)
}

// list is the page of a folder's entries that follow r.After, in the order of their
// names.
func (ms Mounts) list(r events.MountList) (events.MountListing, error) {
	listing := events.MountListing{V: events.ProtocolVersion, Mount: r.Mount, Path: r.Path, Entries: []events.MountEntry{}}
	m, err := ms.find(r.Mount)
	if err != nil {
		return listing, err
	}
	name, err := inMount(r.Path)
	if err != nil {
		return listing, err
	}
	root, err := os.OpenRoot(m.Path)
	if err != nil {
		return listing, inPlace(r.Mount, r.Path, err)
	}
	defer root.Close()
	// Neither flag lets a FIFO or a device that takes a folder's place hold the worker.
	dir, err := root.OpenFile(name, os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return listing, inPlace(r.Mount, r.Path, err)
	}
	defer dir.Close()
	p := page{after: r.After}
	if err := p.read(dir); err != nil {
		return listing, inPlace(r.Mount, r.Path, err)
	}
	listing.LeftOut = p.leftOut
	listing.Entries, listing.More = p.fit()
	return listing, nil
}

// A page is the first entries of a folder after a name. It needs no more memory for a
// folder of millions.
type page struct {
	after   string
	entries []fs.DirEntry // sorted, at most pageEntries
	more    bool
	leftOut int // whose names nobody could ask for
}

func (p *page) read(dir *os.File) error {
	for {
		some, err := dir.ReadDir(readAhead)
		for _, d := range some {
			p.add(d)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (p *page) add(d fs.DirEntry) {
	if transfer.CheckName(d.Name()) != nil {
		p.leftOut++
		return
	}
	if d.Name() <= p.after {
		return
	}
	i, _ := slices.BinarySearchFunc(p.entries, d.Name(), func(e fs.DirEntry, name string) int { return strings.Compare(e.Name(), name) })
	if i == pageEntries {
		p.more = true
		return
	}
	p.entries = slices.Insert(p.entries, i, d)
	if len(p.entries) > pageEntries {
		p.entries, p.more = p.entries[:pageEntries], true
	}
}

// fit describes as many entries as one frame takes.
func (p *page) fit() (all []events.MountEntry, more bool) {
	all = []events.MountEntry{}
	size := 0
	for _, d := range p.entries {
		e, err := describe(d)
		if err != nil {
			continue // it went meanwhile
		}
		text, err := json.Marshal(e)
		if err != nil {
			panic(fmt.Sprintf("jobs: encode an entry: %v", err))
		}
		if size += len(text) + 1; size > pageBytes {
			return all, true
		}
		all = append(all, e)
	}
	return all, p.more
}

// describe says what an entry is without opening it.
func describe(d fs.DirEntry) (events.MountEntry, error) {
	info, err := d.Info()
	if err != nil {
		return events.MountEntry{}, err
	}
	e := events.MountEntry{Name: d.Name(), Kind: events.EntryOther, Modified: events.At(info.ModTime())}
	switch m := info.Mode(); {
	case m.IsRegular():
		e.Kind, e.Size = events.EntryFile, info.Size()
	case m.IsDir():
		e.Kind = events.EntryFolder
	case m&fs.ModeSymlink != 0:
		e.Kind = events.EntryLink
	}
	return e, nil
}
