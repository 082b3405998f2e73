//go:build linux

package faults

import (
	"syscall"
	"testing"
	"time"

	"github.com/moothall/moothall/tests/process"
)

// frozenFor is how long a process is stopped: longer than the 15 s after which silence
// counts.
const frozenFor = 20 * time.Second

// Work list 9.2. The admin freezes for 20 s: within 16 s another is admin; awake, the
// old one steps down, and one admin stays.
func TestFreeze_TheAdminForTwentySeconds(t *testing.T) {
	h := open(t, "adder", "bison", "crane", "dingo")
	begun := time.Now()
	h.signal("adder", syscall.SIGSTOP)
	next := h.another(silence, "adder", h.others("adder")...)
	<-time.After(frozenFor - time.Since(begun))
	h.signal("adder", syscall.SIGCONT)
	h.whole(healed, h.peers...)
	h.elected(next + " silent")
}

// A plain worker freezes for 20 s: it departs, and comes back as itself.
func TestFreeze_AWorkerForTwentySeconds(t *testing.T) {
	h := open(t, "adder", "bison", "crane", "dingo")
	before := h.room("crane").Incarnation
	begun := time.Now()
	h.signal("crane", syscall.SIGSTOP)
	took := process.Await(t, "it has departed", silence, func() bool {
		return h.of("adder", "crane").Status == "departed" && h.of("dingo", "crane").Status == "departed"
	})
	t.Logf("departed after %s", took.Round(time.Millisecond))
	<-time.After(frozenFor - time.Since(begun))
	h.signal("crane", syscall.SIGCONT)
	h.whole(healed, h.peers...)
	h.elected()
	if r := h.room("crane"); r.Incarnation != before || h.of("adder", "crane").Status != "available" {
		t.Errorf("incarnation %d was %d, and the admin shows it %s", r.Incarnation, before, h.of("adder", "crane").Status)
	}
}
