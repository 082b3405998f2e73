package signaling

import (
	"fmt"
	"testing"

	"github.com/moothall/moothall/events"
)

func TestName_ChosenIDBelongsToTheFirstKey(t *testing.T) {
	d := newDesk(t)
	d.seat("worker-1")
	stranger := publicKey(t, newKey(t))
	d.refused(events.CodeNameTaken)(d.register("worker-1", nkeyOf(stranger), instance("b")))
	d.refused(events.CodeNameTaken)(d.settle(d.g.Bind(d.r, "worker-1", stranger, d.now)))
}

func TestName_IsBoundByJoinAlone(t *testing.T) {
	d := newDesk(t)
	mine, other := publicKey(t, newKey(t)), publicKey(t, newKey(t))
	if x, err := d.settle(d.g.Bind(d.r, "my-laptop", mine, d.now)); err != nil || !x.Changed {
		t.Fatalf("%+v: %v", x, err)
	}
	d.refused(events.CodeNameTaken)(d.settle(d.g.Bind(d.r, "my-laptop", other, d.now)))
	if x, err := d.settle(d.g.Bind(d.r, "my-laptop", mine, d.now)); err != nil || x.Changed {
		t.Fatalf("joining again wrote the record: %v", err)
	}
}

func TestName_FallsFreeAfterThirtyDaysOfAbsence(t *testing.T) {
	d := newDesk(t)
	stranger := publicKey(t, newKey(t))
	d.mustLeave(d.seat("worker-1"))
	d.now = d.now.Add(events.AwayKept - 1)
	d.refused(events.CodeNameTaken)(d.settle(d.g.Bind(d.r, "worker-1", stranger, d.now)))
	d.now = d.now.Add(1)
	if _, err := d.settle(d.g.Bind(d.r, "worker-1", stranger, d.now)); err != nil {
		t.Fatal(err)
	}
}

func TestName_OfAMemberThatStaysIsNeverFree(t *testing.T) {
	d := newDesk(t)
	d.seat("worker-1")
	d.now = d.now.Add(2 * events.AwayKept)
	d.refused(events.CodeNameTaken)(d.settle(d.g.Bind(d.r, "worker-1", publicKey(t, newKey(t)), d.now)))
}

func TestName_DerivedIDProvesItself(t *testing.T) {
	d := newDesk(t)
	mine := publicKey(t, newKey(t))
	own := events.DerivedID(events.RoleWorker, mine)
	if x, err := d.settle(d.g.Bind(d.r, own, mine, d.now)); err != nil || x.Changed {
		t.Fatalf("own derived id: changed %v, %v", x.Changed, err)
	}
	d.refused(events.CodeNameTaken)(d.settle(d.g.Bind(d.r, own, publicKey(t, newKey(t)), d.now)))
}

func TestName_NoMoreThanTheRecordHolds(t *testing.T) {
	d := newDesk(t)
	for i := range maxNames {
		if _, err := d.settle(d.g.Bind(d.r, fmt.Sprintf("name-%d", i), publicKey(t, newKey(t)), d.now)); err != nil {
			t.Fatal(err)
		}
	}
	d.refused(events.CodeUnavailable)(d.settle(d.g.Bind(d.r, "one-more", publicKey(t, newKey(t)), d.now)))
}

func TestName_WildcardsAreRefused(t *testing.T) {
	d := newDesk(t)
	for _, id := range []string{"*", ">", "a.b", "A", "", "worker 1"} {
		d.refused(events.CodeInvalid)(d.settle(d.g.Bind(d.r, id, publicKey(t, newKey(t)), d.now)))
	}
}
