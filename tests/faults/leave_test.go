//go:build linux

package faults

import "testing"

// SIGTERM says a signed goodbye everywhere: while there is no hub the admin's goodbye
// reaches the others on their links, its process ends with 0, and the hub that comes
// back takes their word at once, without the silence of a lease.
func TestLeave_OfTheAdminWhileThereIsNoHub(t *testing.T) {
	h := open(t, "adder", "bison", "crane")
	h.Hub().Kill()
	h.worker("adder").Terminate()
	if code := h.worker("adder").ExitCode(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	h.reopen()
	next := h.another(healed, "adder", h.others("adder")...)
	h.whole(healed, h.others("adder")...)
	h.elected(next + " left")
}
