package sim

import "testing"

// Issue 7: I4 and I6 hold while clients race for slots and everything breaks.
func TestBookings_NoneIsDouble(t *testing.T) {
	granted := 20_000
	if testing.Short() {
		granted = 4000
	}
	b := Book(1, granted)
	t.Log(b)
	if !b.OK() {
		t.Errorf("%s: %v", b, b.Violations)
	}
}
