package events

import (
	"cmp"
	"fmt"
)

// A Term names one tenure of the admin's seat. Store is the creation time and a
// random part of the store that minted it; a wiped or restored store has a later
// one, so terms of different stores are ordered too.
type Term struct {
	Store string `json:"store"`
	N     uint64 `json:"term"`
}

// Compare orders terms: store first, then number.
func (t Term) Compare(u Term) int {
	return cmp.Or(cmp.Compare(t.Store, u.Store), cmp.Compare(t.N, u.N))
}

// IsZero reports whether no term was ever accepted.
func (t Term) IsZero() bool { return t == Term{} }

func (t Term) String() string { return fmt.Sprintf("%s/%d", t.Store, t.N) }

// StoreID writes a store's id from its creation time (Unix milliseconds) and a
// random part, so that a later store compares higher.
func StoreID(unixMilli int64, random uint32) string {
	return fmt.Sprintf("%013d-%08x", unixMilli, random)
}

// StoreTime is the creation time (Unix milliseconds) in a store id, 0 if id is not one.
func StoreTime(id string) int64 {
	var ms int64
	var random uint32
	if n, err := fmt.Sscanf(id, "%013d-%08x", &ms, &random); err != nil || n != 2 {
		return 0
	}
	return ms
}

// A Generation names one automerge document of a room: the term of the admin
// that founded it, and a count within the term.
type Generation struct {
	Term
	Count uint64 `json:"n"`
}

// Compare orders generations: term first, then count.
func (g Generation) Compare(h Generation) int {
	return cmp.Or(g.Term.Compare(h.Term), cmp.Compare(g.Count, h.Count))
}

// IsZero reports whether there is no generation yet.
func (g Generation) IsZero() bool { return g == Generation{} }

func (g Generation) String() string { return fmt.Sprintf("%s/%d", g.Term, g.Count) }
