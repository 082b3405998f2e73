//go:build sim

package events

import "sync"

// The simulation runs many workers in one process, and all verify the same
// signatures. With the build tag sim each is computed once: whether a signature fits
// depends on key, text and signature alone. No program is built with it.
var known = struct {
	sync.Mutex // guards fit
	fit        map[signed]bool
}{fit: map[signed]bool{}}

type signed struct{ nkey, text, sig string }

// maxKnown bounds the memory; a schedule has fewer.
const maxKnown = 20_000

func fits(nkey, text string, sig []byte) error {
	s := signed{nkey, text, string(sig)}
	known.Lock()
	ok := known.fit[s]
	known.Unlock()
	if ok {
		return nil
	}
	if err := compute(nkey, text, sig); err != nil {
		return err
	}
	known.Lock()
	defer known.Unlock()
	if len(known.fit) >= maxKnown {
		clear(known.fit)
	}
	known.fit[s] = true
	return nil
}
