package session

import (
	"testing"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/nats-io/nats.go"
)

func TestSession_ComesBackAfterAHubRestart(t *testing.T) {
	bubble(t, func(t *testing.T, h *hub) {
		a := h.join(h.config("a"))
		defer func() { leave(t, a) }()
		heard := make(chan string, 1)
		_, err := a.Subscribe(events.SignalSubject(room, "a", events.Any), func(m *nats.Msg) { heard <- string(m.Data) })
		must(t, err)
		if !<-a.Connected() {
			t.Error("not connected")
		}
		h.stop()
		if <-a.Connected() {
			t.Error("connected to nothing")
		}
		if c := a.Connection(); c != (events.Connection{}) {
			t.Errorf("connection %v to nothing", c)
		}
		wantCode(t, "publish", a.Publish(events.SignalSubject(room, "b", "a"), "lost"), events.CodeUnreachable)
		err = a.Request(within(t, time.Second), events.SignalSubject(room, "b", "a"), "lost", nil)
		wantCode(t, "request", err, events.CodeUnreachable)
		time.Sleep(time.Hour) // for ever
		h.start()
		back := time.Now()
		if !<-a.Connected() {
			t.Error("not back")
		}
		if took := time.Since(back); took > 2*time.Second {
			t.Errorf("back after %s", took)
		}
		must(t, a.Conn().FlushWithContext(within(t, time.Second)))
		b := h.join(h.config("b"))
		must(t, b.Publish(events.SignalSubject(room, "a", "b"), "again"))
		if got := <-heard; got != `"again"` {
			t.Errorf("heard %s", got)
		}
		leave(t, b)
	})
}

func TestSession_DoesNotWaitForAServerThatIsBeingDialled(t *testing.T) {
	bubble(t, func(t *testing.T, h *hub) {
		a := h.join(h.config("a"))
		defer leave(t, a)
		<-a.Connected()
		h.deaf.Store(true)
		h.stop()
		<-a.Connected()
		time.Sleep(reconnectWait + reconnectJitter + time.Second) // it dials
		start := time.Now()
		wantCode(t, "publish", a.Publish(events.SignalSubject(room, "b", "a"), "x"), events.CodeUnreachable)
		wantCode(t, "request", a.Request(t.Context(), events.SignalSubject(room, "b", "a"), "x", nil), events.CodeUnreachable)
		if c := a.Connection(); c != (events.Connection{}) || time.Since(start) != 0 {
			t.Errorf("connection %v after %s", c, time.Since(start))
		}
		h.deaf.Store(false)
		time.Sleep(2 * time.Minute) // until that dial has ended
	})
}

func TestSession_RenewsItsJWTBeforeItEnds(t *testing.T) {
	bubble(t, func(t *testing.T, h *hub) {
		a := h.join(h.config("a"))
		defer func() { leave(t, a) }()
		first := a.Reply()
		<-a.Connected()
		time.Sleep(h.life - renewBefore + time.Second)
		if h.joins.Load() != 2 || a.Reply().JWT == first.JWT {
			t.Errorf("%d joins within %s", h.joins.Load(), h.life-renewBefore)
		}
		if <-a.Connected() {
			t.Error("the server did not close the connection when the first JWT ended")
		}
		ended := time.Now()
		if !<-a.Connected() {
			t.Error("not back")
		}
		if took := time.Since(ended); took > time.Second {
			t.Errorf("away for %s", took)
		}
	})
}

func TestSession_KeepsTryingToRenewWhileTheDoorIsClosed(t *testing.T) {
	bubble(t, func(t *testing.T, h *hub) {
		a := h.join(h.config("a"))
		defer func() { leave(t, a) }()
		<-a.Connected()
		h.down.Store(true)
		time.Sleep(h.life + time.Minute)
		if <-a.Connected() {
			t.Error("connected with a JWT that has ended")
		}
		h.down.Store(false)
		if !<-a.Connected() {
			t.Error("not back")
		}
	})
}

func TestSession_JoinsAnewWhenTheServerRefusesItsJWT(t *testing.T) {
	bubble(t, func(t *testing.T, h *hub) {
		a := h.join(h.config("a"))
		defer func() { leave(t, a) }()
		<-a.Connected()
		h.stop()
		<-a.Connected()
		h.newKeys()
		h.dir = t.TempDir()
		h.start()
		start := time.Now()
		if !<-a.Connected() {
			t.Error("not back")
		}
		if took := time.Since(start); took > 2*renewAway {
			t.Errorf("back after %s", took)
		}
	})
}

func TestSession_JoinsAnewAtOnceWhenNATSSaysWhy(t *testing.T) {
	bubble(t, func(t *testing.T, h *hub) {
		a := h.join(h.config("a"))
		defer leave(t, a)
		for _, err := range []error{nats.ErrAuthorization, nats.ErrAuthExpired, nats.ErrAuthRevoked, nats.ErrAccountAuthExpired} {
			before := h.joins.Load()
			a.complain(nil, err)
			time.Sleep(2 * renewPause)
			if h.joins.Load() != before+1 {
				t.Errorf("%v: %d joins", err, h.joins.Load()-before)
			}
		}
	})
}

func TestRenewIn(t *testing.T) {
	for life, want := range map[time.Duration]time.Duration{
		time.Hour:        55 * time.Minute,
		10 * time.Minute: 5 * time.Minute,
		4 * time.Minute:  2 * time.Minute,
		-time.Hour:       renewPause,
	} {
		if got := renewIn(life); got != want {
			t.Errorf("renewIn(%s) = %s, want %s", life, got, want)
		}
	}
}

// Issue 6.2: an expired or revoked token gives a clear end, and no further joins.
func TestToken_SessionEndsWhenItsTokenHas(t *testing.T) {
	for _, code := range []events.Code{events.CodeTokenExpired, events.CodeTokenRevoked} {
		bubble(t, func(t *testing.T, h *hub) {
			a := h.join(h.config("a"))
			defer leave(t, a)
			if a.Err() != nil {
				t.Errorf("ended at its start: %v", a.Err())
			}
			h.refuse.Store(events.Errorf(code, "the token has ended"))
			<-a.Ended()
			wantCode(t, "end", a.Err(), code)
			if e := events.AsError(a.Err()); e.Try == "" || len(e.Facts) == 0 {
				t.Errorf("%+v does not say what to do", e)
			}
			joins := h.joins.Load()
			h.stop() // a dial that hangs in a bubble would never end
			time.Sleep(2 * renewBackoff)
			if h.joins.Load() != joins {
				t.Error("it goes on knocking")
			}
		})
	}
}

// A hub that does not know the token may be put back: the session goes on.
func TestToken_SessionOutlivesAHubThatForgotIt(t *testing.T) {
	bubble(t, func(t *testing.T, h *hub) {
		a := h.join(h.config("a"))
		defer leave(t, a)
		<-a.Connected()
		h.refuse.Store(events.Errorf(events.CodeUnauthorized, "the hub does not know this token"))
		time.Sleep(h.life + 2*renewBackoff)
		if a.Err() != nil || <-a.Connected() {
			t.Errorf("ended: %v", a.Err())
		}
		h.refuse.Store(nil)
		if !<-a.Connected() {
			t.Error("not back")
		}
	})
}
