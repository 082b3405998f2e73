package main

import (
	"fmt"
	"strings"
)

// bounds are the most of each that may happen in a search. Departures, cuts, hub
// restarts and freezes that end without a replacement have none.
type bounds struct{ elections, restarts, freezes, wipes int }

// kind says how a search goes.
type kind string

const (
	complete kind = "complete" // every state within the bounds
	hashed   kind = "hashed"   // every state, told apart by eight bytes of hash: one may be missed, hardly
	shortest kind = "shortest" // every state by distance, until the first violation
)

// A search is the model under some bounds, without some rule.
type search struct {
	name   string
	bounds bounds
	kind   kind
	flags  string // rules to take away
	falls  string // the assertion that must fall, "" for none
	fast   bool
}

var searches = []search{
	{name: "designed", bounds: bounds{2, 1, 0, 1}, kind: complete, fast: true},
	{name: "unreduced", bounds: bounds{2, 0, 0, 1}, kind: complete, flags: "EXACT"},
	{name: "freeze", bounds: bounds{3, 2, 1, 0}, kind: complete},
	{name: "wipe", bounds: bounds{3, 2, 0, 1}, kind: complete},
	{name: "freeze+wipe", bounds: bounds{2, 1, 1, 1}, kind: complete},
	{name: "everything", bounds: bounds{3, 2, 1, 1}, kind: hashed},

	{name: "no incarnation", bounds: bounds{2, 1, 0, 0}, kind: shortest, flags: "NO_INCARNATION", falls: "I1_ONE_ADMIN", fast: true},
	{name: "no store", bounds: bounds{2, 0, 0, 1}, kind: shortest, flags: "NO_STORE", falls: "I1_ONE_ADMIN", fast: true},
	{name: "member's term", bounds: bounds{2, 0, 0, 0}, kind: shortest, flags: "MEMBERS_TERM", falls: "I1_ONE_ADMIN", fast: true},
	{name: "no compare-and-set", bounds: bounds{2, 0, 0, 0}, kind: shortest, flags: "NO_CAS", falls: "I1_ONE_ADMIN", fast: true},
	{name: "no disk", bounds: bounds{2, 1, 0, 1}, kind: shortest, flags: "NO_DISK", falls: "I1_ONE_ADMIN", fast: true},
	{name: "no fence", bounds: bounds{2, 0, 0, 0}, kind: shortest, flags: "NO_FENCE EXACT", falls: "I2_NEVER_FALLS", fast: true},
	{name: "no confirmation", bounds: bounds{2, 0, 0, 0}, kind: shortest, flags: "NO_CONFIRM", falls: "ANSWERS", fast: true},
	{name: "any answer", bounds: bounds{2, 0, 0, 0}, kind: shortest, flags: "ANY_ANSWER", falls: "ANSWERS", fast: true},
	{name: "late answer", bounds: bounds{2, 0, 0, 0}, kind: shortest, flags: "LATE_ANSWER", falls: "ANSWERS", fast: true},
	{name: "hearsay", bounds: bounds{2, 0, 0, 1}, kind: shortest, flags: "HEARSAY", falls: "ANSWERS", fast: true},
	{name: "no raise", bounds: bounds{2, 0, 0, 1}, kind: shortest, flags: "NO_RAISE", falls: "RECOVERY", fast: true},
}

// defines are the -D of the search, for spin.
func (s search) defines() []string {
	b := s.bounds
	all := []string{
		fmt.Sprintf("-DELECTIONS=%d", b.elections), fmt.Sprintf("-DRESTARTS=%d", b.restarts),
		fmt.Sprintf("-DDOUBLES=%d", b.freezes), fmt.Sprintf("-DWIPES=%d", b.wipes),
	}
	for _, f := range strings.Fields(s.flags) {
		all = append(all, "-D"+f)
	}
	return all
}

// judge compares an outcome with what is expected.
func (s search) judge(o outcome) (verdict string, ok bool) {
	switch {
	case s.falls == "" && o.fell == "" && o.whole:
		return "holds", true
	case s.falls == "" && o.fell == "":
		return "NOT SEARCHED TO THE END", false
	case s.falls == "":
		return "VIOLATED: " + o.fell, false
	case o.fell == "":
		return "NO VIOLATION, expected " + s.falls, false
	case o.fell != s.falls:
		return "VIOLATED: " + o.fell + ", expected " + s.falls, false
	}
	return "violated as expected: " + o.fell, true
}
