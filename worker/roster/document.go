package roster

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/automerge/automerge-go"

	"github.com/moothall/moothall/worker/roster/guard"
)

// A document is automerge as the roster uses it: strings in the root map, local
// commits at time zero, and raw chunks that guard has read. Of automerge's other
// entry points (Apply, Merge, the sync protocol) none is both safe and fast.
type document struct{ doc *automerge.Doc }

func newDocument(actor guard.Actor) *document {
	d := &document{automerge.New()}
	d.actAs(actor)
	return d
}

// actAs sets the actor of later commits.
func (d *document) actAs(actor guard.Actor) {
	if err := d.doc.SetActorID(actor.String()); err != nil {
		panic("roster: set actor: " + err.Error())
	}
}

// commit sets the keys in one change and returns its hash and chunk. Every value
// must differ from the present one. It panics if automerge refuses its own
// change.
func (d *document) commit(ops []guard.Op) (guard.Hash, []byte) {
	for _, op := range ops {
		if err := d.doc.RootMap().Set(op.Key, op.Value); err != nil {
			panic(fmt.Sprintf("roster: set %s: %v", op.Key, err))
		}
	}
	hash, err := d.doc.Commit("", automerge.CommitOptions{Time: &time.Time{}})
	if err != nil {
		panic("roster: commit: " + err.Error())
	}
	change, err := d.doc.Change(hash)
	if err != nil {
		panic("roster: read the change committed: " + err.Error())
	}
	return guard.Hash(hash), change.Save()
}

// load takes a chunk that guard has read and whose dependencies the document has,
// and checks that automerge understood it alike.
func (d *document) load(c guard.Change, chunk []byte) error {
	if err := d.doc.LoadIncremental(chunk); err != nil {
		return fmt.Errorf("load: %w", err)
	}
	if !slices.Contains(d.doc.Heads(), automerge.ChangeHash(c.Hash)) {
		return errors.New("automerge did not take the change")
	}
	for _, op := range c.Ops {
		value, err := automerge.As[string](d.doc.RootMap().Get(op.Key))
		if err != nil || value != op.Value {
			return fmt.Errorf("key %s reads as %.40q after the change: %w", op.Key, value, err)
		}
	}
	return nil
}
