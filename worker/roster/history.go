package roster

import (
	"bytes"
	"maps"
	"slices"

	"github.com/moothall/moothall/worker/roster/guard"
)

// A history is the changes of one generation in an order in which every change
// follows its dependencies; the first is the genesis.
type history struct {
	entries []entry
	index   map[guard.Hash]int
	tips    map[guard.Hash]struct{}
	bytes   int
}

type entry struct {
	hash  guard.Hash
	deps  []guard.Hash
	maxOp uint64
	chunk []byte
}

func newHistory(genesis entry) *history {
	h := &history{index: map[guard.Hash]int{}, tips: map[guard.Hash]struct{}{}}
	h.add(genesis)
	return h
}

func (h *history) add(e entry) {
	h.index[e.hash] = len(h.entries)
	h.entries = append(h.entries, e)
	h.bytes += len(e.chunk)
	for _, d := range e.deps {
		delete(h.tips, d)
	}
	h.tips[e.hash] = struct{}{}
}

func (h *history) has(hash guard.Hash) bool {
	_, ok := h.index[hash]
	return ok
}

func (h *history) hasAll(hashes []guard.Hash) bool {
	return !slices.ContainsFunc(hashes, func(d guard.Hash) bool { return !h.has(d) })
}

// maxOp is the highest operation counter in the causal past that deps name.
func (h *history) maxOp(deps []guard.Hash) uint64 {
	highest := uint64(0)
	for _, d := range deps {
		highest = max(highest, h.entries[h.index[d]].maxOp)
	}
	return highest
}

// heads are the changes on which no other depends, sorted.
func (h *history) heads() []guard.Hash {
	return slices.SortedFunc(maps.Keys(h.tips), compareHashes)
}

// nextDeps are the dependencies that automerge gives to the next change of the
// actor whose last change was last (zero if none): the heads and that change.
func (h *history) nextDeps(last guard.Hash) []guard.Hash {
	deps := h.heads()
	if last == (guard.Hash{}) || slices.Contains(deps, last) {
		return deps
	}
	deps = append(deps, last)
	slices.SortFunc(deps, compareHashes)
	return deps
}

// since are the entries, in order, that are neither the genesis nor among the
// given hashes and their causal past.
func (h *history) since(hashes []guard.Hash) []entry {
	known := make([]bool, len(h.entries))
	for _, hash := range hashes {
		if i, ok := h.index[hash]; ok {
			known[i] = true
		}
	}
	var missing []entry
	for i := len(h.entries) - 1; i > 0; i-- {
		if !known[i] {
			missing = append(missing, h.entries[i])
			continue
		}
		for _, d := range h.entries[i].deps {
			known[h.index[d]] = true
		}
	}
	slices.Reverse(missing)
	return missing
}

func compareHashes(a, b guard.Hash) int { return bytes.Compare(a[:], b[:]) }
