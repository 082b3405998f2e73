package liveness

import (
	"testing"
	"time"

	"github.com/moothall/moothall/events"
)

var start = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

func after(d time.Duration) time.Time { return start.Add(d) }

// Work list 4.2: no update for 15 s.
func TestSilentAfterFifteenSeconds(t *testing.T) {
	d := New(events.StaleAfter)
	if d.State("b", start) != Unknown {
		t.Fatal("a peer without a link has a state")
	}
	d.Watch("b", start)
	if got := d.State("b", after(events.StaleAfter-1)); got != Alive {
		t.Errorf("just before 15 s: %v", got)
	}
	if got := d.State("b", after(events.StaleAfter)); got != Silent {
		t.Errorf("at 15 s: %v", got)
	}
	d.Heard("b", after(events.StaleAfter))
	if got := d.State("b", after(2*events.StaleAfter-1)); got != Alive {
		t.Errorf("heard again: %v", got)
	}
}

func TestWindow(t *testing.T) {
	for rtt, want := range map[time.Duration]time.Duration{
		0:                     MinWindow,
		20 * time.Millisecond: MinWindow,
		25 * time.Millisecond: MinWindow,
		80 * time.Millisecond: 320 * time.Millisecond,
	} {
		if got := Window(rtt); got != want {
			t.Errorf("Window(%v) = %v, want %v", rtt, got, want)
		}
	}
}

func TestTestimony(t *testing.T) {
	cases := []struct {
		name string
		do   func(d *Detector)
		at   time.Duration
		want bool
	}{
		{"silent for the window", func(d *Detector) { d.Examine("b", after(time.Second)) }, time.Second + MinWindow, true},
		{"window not over", func(d *Detector) { d.Examine("b", after(time.Second)) }, time.Second + MinWindow - 1, false},
		{"no suspicion", func(*Detector) {}, 10 * time.Second, false},
		{"no link", func(d *Detector) { d.Forget("b"); d.Examine("b", after(time.Second)) }, 2 * time.Second, false},
		{"last answer too old to mean anything", func(d *Detector) {
			d.Heard("c", after(RecentAnswer))
			d.Examine("b", after(RecentAnswer+time.Millisecond))
		}, RecentAnswer + time.Second, false},
		{"a new link, and no answer over it yet", func(d *Detector) {
			d.Watch("b", after(time.Second))
			d.Examine("b", after(time.Second))
		}, 3 * time.Second, false},
		{"it answered", func(d *Detector) {
			d.Examine("b", after(time.Second))
			d.Answered("b", after(time.Second), after(time.Second+1))
		}, 3 * time.Second, false},
		{"what it sent before its end arrives late", func(d *Detector) {
			d.Examine("b", after(time.Second))
			d.Heard("b", after(time.Second+1))
			d.Answered("b", after(time.Second-1), after(time.Second+1))
		}, time.Second + MinWindow, true},
		{"another member vouched", func(d *Detector) {
			d.Examine("b", after(time.Second))
			d.Vouched("b", after(time.Second+1))
		}, 3 * time.Second, false},
		{"another member vouched before the news came", func(d *Detector) {
			d.Vouched("b", after(time.Second))
			d.Examine("b", after(time.Second+VouchHolds-1))
		}, 3 * time.Second, false},
		{"a vouch of another time", func(d *Detector) {
			d.Vouched("b", after(time.Second))
			d.Examine("b", after(time.Second+VouchHolds))
		}, 3 * time.Second, true},
		{"own tick late: the wait begins again", func(d *Detector) {
			d.Examine("b", after(time.Second))
			d.Late(after(time.Second+MinWindow), LateTick)
		}, time.Second + MinWindow, false},
		{"and ends", func(d *Detector) {
			d.Examine("b", after(time.Second))
			d.Late(after(time.Second+MinWindow), LateTick)
		}, time.Second + 2*MinWindow, true},
		{"deaf: nobody else is heard", func(d *Detector) {
			d.Heard("b", after(20*time.Second))
			d.Examine("b", after(20*time.Second))
		}, 21 * time.Second, false},
		{"an answer of before its own long sleep", func(d *Detector) {
			d.Late(after(20*time.Second), 20*time.Second)
			d.Heard("c", after(20*time.Second))
			d.Examine("b", after(20*time.Second))
		}, 21 * time.Second, false},
		{"a message that waited while it slept", func(d *Detector) {
			d.Late(after(20*time.Second), 20*time.Second)
			for _, peer := range []string{"b", "c"} {
				d.Heard(peer, after(20*time.Second+MinWindow-1))
			}
			d.Examine("b", after(20*time.Second+MinWindow))
		}, 21 * time.Second, false},
		{"an answer to what it asked when it woke", func(d *Detector) {
			d.Late(after(20*time.Second), 20*time.Second)
			for _, peer := range []string{"b", "c"} {
				d.Answered(peer, after(20*time.Second), after(20*time.Second+1))
			}
			d.Examine("b", after(20*time.Second+MinWindow))
		}, 21 * time.Second, true},
		{"long round trip", func(d *Detector) {
			d.Answered("b", start, after(100*time.Millisecond))
			d.Examine("b", after(time.Second))
		}, time.Second + 399*time.Millisecond, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			d := New(events.StaleAfter)
			for _, peer := range []string{"b", "c"} {
				d.Watch(peer, start)
				d.Answered(peer, start, start)
			}
			c.do(d)
			if got, ok := d.Testimony("b", after(c.at)); ok != c.want {
				t.Fatalf("testimony %+v, %v", got, ok)
			}
		})
	}
}

func TestTestimony_ItsNumbers(t *testing.T) {
	d := New(events.StaleAfter)
	d.Watch("b", start)
	d.Answered("b", start, after(8*time.Millisecond))
	d.Answered("b", start, after(16*time.Millisecond))
	d.Heard("b", after(time.Second))
	d.Examine("b", after(2*time.Second))
	for _, begin := range []time.Duration{0, MinWindow / 2} {
		if next, ok := d.Next(after(2*time.Second + begin)); !ok || next != after(2*time.Second+begin+MinWindow/2) {
			t.Fatalf("next %v, %v", next, ok)
		}
	}
	got, ok := d.Testimony("b", after(2*time.Second+150*time.Millisecond))
	if want := (events.Testimony{AnsweredMS: 1000, RTTMS: 9, SilentMS: 150}); !ok || got != want {
		t.Fatalf("%+v, %v, want %+v", got, ok, want)
	}
}

func TestAnsweredReportsAcquittalOnce(t *testing.T) {
	d := New(events.StaleAfter)
	d.Watch("b", start)
	if d.Answered("b", start, start) {
		t.Fatal("acquitted without an examination")
	}
	d.Examine("b", start)
	if d.State("b", start) != Suspect {
		t.Fatal("not suspect under examination")
	}
	if !d.Answered("b", after(1), after(2)) || d.Answered("b", after(1), after(3)) {
		t.Fatal("acquittal is not reported once")
	}
}

// The vouch of another may not have reached all: everyone who hears the peer says so.
func TestAnswered_VouchesAfterAnothersVouch(t *testing.T) {
	d := New(events.StaleAfter)
	d.Watch("b", start)
	d.Examine("b", start)
	d.Vouched("b", start)
	if !d.Answered("b", after(1), after(2)) {
		t.Error("silent after the vouch that came first")
	}
	d.Examine("b", after(3)) // the news, doubled
	if !d.Answered("b", after(3), after(4)) || d.Answered("b", after(3), after(5)) {
		t.Error("not once for each news")
	}
}

// A process that was frozen for a minute hears nothing meanwhile; nobody is
// silent for that.
func TestLateObserverAccusesNobody(t *testing.T) {
	d := New(events.StaleAfter)
	d.Watch("b", start)
	d.Late(after(time.Minute), time.Minute)
	if got := d.State("b", after(time.Minute)); got != Alive {
		t.Fatalf("after an own freeze: %v", got)
	}
}

// An examination that goes on after its window must not hide another's.
func TestNext_IsInTheFuture(t *testing.T) {
	d := New(events.StaleAfter)
	d.Watch("b", start)
	d.Watch("c", start)
	d.Examine("b", start)
	d.Examine("c", after(time.Second))
	if next, ok := d.Next(after(time.Second)); !ok || next != after(time.Second+MinWindow/2) {
		t.Fatalf("next %v, %v", next, ok)
	}
	if next, ok := d.Next(after(2 * time.Second)); ok {
		t.Fatalf("next %v when both windows are over", next)
	}
}
