package roster

import (
	"testing"
	"time"

	"github.com/automerge/automerge-go"

	"github.com/moothall/moothall/events"
)

// TestApply_RefusesWhatARowNeverNeeds has automerge itself make the changes, so
// they are well-formed: the guard's narrowness refuses them.
func TestApply_RefusesWhatARowNeverNeeds(t *testing.T) {
	zero := automerge.CommitOptions{Time: &time.Time{}}
	now := time.Unix(1700000000, 0)
	set := func(key string, value any) func(*automerge.Doc) error {
		return func(d *automerge.Doc) error { return d.Path(key).Set(value) }
	}
	key := rowKey(events.Seat{PeerID: "w1", Incarnation: 1}, "d")
	cases := []struct {
		name    string
		edits   []func(*automerge.Doc) error
		message string
		options automerge.CommitOptions
		want    Reason
	}{
		{"a time", edits(set(key, "x")), "", automerge.CommitOptions{Time: &now}, "chunk_not_plain"},
		{"a message", edits(set(key, "x")), "hello", zero, "chunk_not_plain"},
		{"no operation", nil, "", automerge.CommitOptions{Time: &time.Time{}, AllowEmpty: true}, "chunk_not_plain"},
		{"three operations", edits(set(key, "x"), set("a", "x"), set("b", "x")), "", zero, "chunk_not_plain"},
		{"a number", edits(set(key, int64(1))), "", zero, "chunk_not_plain"},
		{"a truth value", edits(set(key, true)), "", zero, "chunk_not_plain"},
		{"a null", edits(set(key, nil)), "", zero, "chunk_not_plain"},
		{"bytes", edits(set(key, []byte("x"))), "", zero, "chunk_not_plain"},
		{"a map", edits(set(key, map[string]string{"a": "b"})), "", zero, "chunk_not_plain"},
		{"a list", edits(set(key, []string{"a"})), "", zero, "chunk_not_plain"},
		{"a counter", edits(set(key, automerge.NewCounter(1))), "", zero, "chunk_not_plain"},
		{"a text", edits(set(key, automerge.NewText("x"))), "", zero, "chunk_not_plain"},
		{"a deletion", edits(func(d *automerge.Doc) error { return d.Path("admin").Delete() }), "", zero, "chunk_not_plain"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := newScene(t)
			doc, err := s.w1.present.document.doc.Fork()
			if err != nil {
				t.Fatal(err)
			}
			for _, edit := range c.edits {
				if err := edit(doc); err != nil {
					t.Fatal(err)
				}
			}
			hash, err := doc.Commit(c.message, c.options)
			if err != nil {
				t.Fatal(err)
			}
			change, err := doc.Change(hash)
			if err != nil {
				t.Fatal(err)
			}
			refused(t, s.w2, change.Save(), c.want)
		})
	}
}

func edits(e ...func(*automerge.Doc) error) []func(*automerge.Doc) error { return e }
