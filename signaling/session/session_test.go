package session

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/nats-io/nats.go"
)

func TestJoin_AdmitsWithADerivedOrChosenID(t *testing.T) {
	bubble(t, func(t *testing.T, h *hub) {
		derived, chosen := h.join(h.config("")), h.join(h.config("w1"))
		defer leave(t, derived, chosen)
		if derived.Peer() != events.DerivedID(events.RoleWorker, derived.Key()) || chosen.Peer() != "w1" {
			t.Errorf("peers %q and %q", derived.Peer(), chosen.Peer())
		}
		c := chosen.Connection()
		if c.ServerID == "" || c.ClientID == 0 || c == derived.Connection() {
			t.Errorf("connections %v and %v", c, derived.Connection())
		}
		if !<-chosen.Connected() {
			t.Error("not connected")
		}
	})
}

func TestJoin_RefusalsAreErrorsWithCodes(t *testing.T) {
	bubble(t, func(t *testing.T, h *hub) {
		other, err := Join(t.Context(), func() Config {
			c := h.config("w1")
			c.Token = events.Secret(strings.Repeat("x", 40) + "tail")
			return c
		}())
		wantCode(t, "another token", err, events.CodeUnauthorized)
		var e *events.Error
		if other != nil || !errors.As(err, &e) || !strings.Contains(strings.Join(e.Facts, " "), "44 characters (ends in …tail)") || e.Try == "" {
			t.Errorf("another token: %+v", e)
		}
		if strings.Contains(err.Error()+strings.Join(e.Facts, ""), "xxxxx") {
			t.Error("the token is shown")
		}
		for _, code := range []events.Code{events.CodeTokenExpired, events.CodeForbidden, events.CodeNameTaken, events.CodeInvalid} {
			h.refuse.Store(events.Errorf(code, "no"))
			_, err := Join(t.Context(), h.config("w1"))
			wantCode(t, string(code), err, code)
		}
	})
}

func TestJoin_RefusesAReplyThatIsNotForUs(t *testing.T) {
	bubble(t, func(t *testing.T, h *hub) {
		for what, c := range map[string]struct {
			change func(*events.JoinReply)
			want   events.Code
		}{
			"another peer":  {func(r *events.JoinReply) { r.PeerID, r.InboxPrefix = "w2", "_INBOX.lab.w2" }, events.CodeInvalid},
			"no peer":       {func(r *events.JoinReply) { r.PeerID = "*" }, events.CodeInvalid},
			"another room":  {func(r *events.JoinReply) { r.RoomID = "x" }, events.CodeForbidden},
			"another role":  {func(r *events.JoinReply) { r.Role = events.RoleViewer }, events.CodeForbidden},
			"another inbox": {func(r *events.JoinReply) { r.InboxPrefix = "_INBOX.lab.w2" }, events.CodeInvalid},
		} {
			h.reply = c.change
			_, err := Join(t.Context(), h.config("w1"))
			wantCode(t, what, err, c.want)
		}
	})
}

func TestJoin_WrongConfiguration(t *testing.T) {
	bubble(t, func(t *testing.T, h *hub) {
		for what, change := range map[string]func(*Config){
			"no scheme": func(c *Config) { c.HubURL = "hub:8480" },
			"nats":      func(c *Config) { c.HubURL = "nats://hub:4222" },
			"no host":   func(c *Config) { c.HubURL = "http://" },
			"password":  func(c *Config) { c.HubURL = "http://me:canary@hub:8480" },
			"room":      func(c *Config) { c.Room = "Lab" },
			"role":      func(c *Config) { c.Role = "boss" },
			"no key":    func(c *Config) { c.Key = nil },
		} {
			cfg := h.config("w1")
			change(&cfg)
			_, err := Join(t.Context(), cfg)
			wantCode(t, what, err, events.CodeConfig)
			if strings.Contains(err.Error(), "canary") {
				t.Errorf("%s: %v", what, err)
			}
		}
	})
}

// Issue, bad input: "Hub down: 69".
func TestJoin_HubDownIsUnreachable(t *testing.T) {
	bubble(t, func(t *testing.T, h *hub) {
		h.down.Store(true)
		_, err := Join(t.Context(), h.config("w1"))
		wantCode(t, "no door", err, events.CodeUnreachable)
		if want := "no answer from the hub at http://hub:8480 (connection refused)"; err.Error() != want {
			t.Errorf("got %q, want %q", err, want)
		}
		h.down.Store(false)
		h.stop()
		start := time.Now()
		_, err = Join(t.Context(), h.config("w1"))
		wantCode(t, "no NATS", err, events.CodeUnreachable)
		if took := time.Since(start); took > joinTimeout {
			t.Errorf("took %s", took)
		}
	})
}

func TestSession_RequestAndRespond(t *testing.T) {
	bubble(t, func(t *testing.T, h *hub) {
		a, b := h.join(h.config("a")), h.join(h.config("b"))
		defer leave(t, a, b)
		_, err := b.Respond(events.SignalSubject(room, "b", events.Any), func(from string, data []byte) (any, error) {
			var q events.Query
			if err := events.Decode(data, &q); err != nil {
				return nil, err
			}
			if q.Type == "refuse" {
				return nil, events.Errorf(events.CodeAllBusy, "busy")
			}
			return events.Query{Type: "hello " + from}, nil
		})
		must(t, err)
		must(t, b.Conn().FlushWithContext(within(t, time.Second)))
		var got events.Query
		must(t, a.Request(t.Context(), events.SignalSubject(room, "b", "a"), events.Query{Type: "hi"}, &got))
		if got.Type != "hello a" {
			t.Errorf("got %q", got.Type)
		}
		err = a.Request(t.Context(), events.SignalSubject(room, "b", "a"), events.Query{Type: "refuse"}, &got)
		wantCode(t, "a refusal", err, events.CodeAllBusy)
		err = a.Request(t.Context(), events.SignalSubject(room, "nobody", "a"), events.Query{}, &got)
		wantCode(t, "no responder", err, events.CodeUnreachable)
		err = a.Request(t.Context(), events.SignalSubject(room, "b", "a"), strings.Repeat("x", events.MaxMessage), &got)
		wantCode(t, "too large", err, events.CodeTooLarge)
	})
}

func TestSession_RequestWithoutAnswerNamesItsLimit(t *testing.T) {
	bubble(t, func(t *testing.T, h *hub) {
		a, b := h.join(h.config("a")), h.join(h.config("b"))
		defer leave(t, a, b)
		_, err := b.Subscribe(events.SignalSubject(room, "b", events.Any), func(*nats.Msg) {})
		must(t, err)
		must(t, b.Conn().FlushWithContext(within(t, time.Second)))
		err = a.Request(within(t, 500*time.Millisecond), events.SignalSubject(room, "b", "a"), events.Query{}, nil)
		wantCode(t, "silence", err, events.CodeUnreachable)
		if want := "b did not answer within 500ms (signal)"; err.Error() != want {
			t.Errorf("got %q, want %q", err, want)
		}
		start := time.Now()
		err = a.Request(context.Background(), events.SignalSubject(room, "b", "a"), events.Query{}, nil)
		if took := time.Since(start); took != requestTimeout || events.CodeOf(err) != events.CodeUnreachable {
			t.Errorf("without a deadline: %v after %s", err, took)
		}
	})
}

// The confused deputy: a request's reply subject is not checked by the server, so a
// responder must.
func TestSession_RespondAnswersOnlyToTheAskersInbox(t *testing.T) {
	bubble(t, func(t *testing.T, h *hub) {
		a, b, c := h.join(h.config("a")), h.join(h.config("b")), h.join(h.config("c"))
		defer leave(t, a, b, c)
		asked := make(chan string, 10)
		_, err := b.Respond(events.SignalSubject(room, "b", events.Any), func(from string, data []byte) (any, error) {
			asked <- string(data)
			return events.Query{Type: "answer"}, nil
		})
		must(t, err)
		_, err = c.Subscribe(events.SignalSubject(room, "c", events.Any), func(m *nats.Msg) { t.Errorf("c got %q on %s", m.Data, m.Subject) })
		must(t, err)
		must(t, b.Conn().FlushWithContext(within(t, time.Second)))
		for _, reply := range []string{"room.lab.signal.c.b", "_INBOX.lab.c.x", "_INBOX.lab.a.", "_INBOX.lab.a.>", "room.lab.event.admin", ""} {
			must(t, a.Conn().PublishMsg(&nats.Msg{Subject: events.SignalSubject(room, "b", "a"), Reply: reply, Data: []byte(`"` + reply + `"`)}))
		}
		var answer events.Query
		must(t, a.Request(t.Context(), events.SignalSubject(room, "b", "a"), "good", &answer))
		if first := <-asked; first != `"good"` || answer.Type != "answer" {
			t.Errorf("asked %s, answer %+v", first, answer)
		}
	})
}

// nats.go dials under the lock that its methods take.
// A hub with new keys does not accept the old JWT, however fresh.
func TestSession_CloseLetsWhatWasSentAndReceivedBeHandled(t *testing.T) {
	bubble(t, func(t *testing.T, h *hub) {
		a, b := h.join(h.config("a")), h.join(h.config("b"))
		handled := 0
		_, err := b.Subscribe(events.SignalSubject(room, "b", events.Any), func(*nats.Msg) { time.Sleep(time.Millisecond); handled++ })
		must(t, err)
		must(t, b.Conn().FlushWithContext(within(t, time.Second)))
		for range 100 {
			must(t, a.Publish(events.SignalSubject(room, "b", "a"), "x"))
		}
		leave(t, a, b)
		if handled != 100 {
			t.Errorf("%d of 100 handled", handled)
		}
		wantCode(t, "publish after close", a.Publish(events.SignalSubject(room, "b", "a"), "x"), events.CodeUnavailable)
		_, err = a.Subscribe(events.SignalSubject(room, "a", events.Any), func(*nats.Msg) {})
		wantCode(t, "subscribe after close", err, events.CodeUnavailable)
		leave(t, a, b)
	})
}

func TestSession_CloseWhileTheHubIsAway(t *testing.T) {
	bubble(t, func(t *testing.T, h *hub) {
		a := h.join(h.config("a"))
		h.stop()
		leave(t, a)
	})
}

func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// Issue 6.5: who asks a peer too often is told when it may again, and what it asks is
// not read; others are answered.
func TestSession_RespondKeepsEachSenderToItsRate(t *testing.T) {
	bubble(t, func(t *testing.T, h *hub) {
		q, p, other := h.join(h.config("q")), h.join(h.config("p")), h.join(h.config("other"))
		defer leave(t, q)
		defer leave(t, p)
		defer leave(t, other)
		read := 0
		_, err := q.Respond(events.SignalSubject(room, "q", events.Any), func(string, []byte) (any, error) { read++; return struct{}{}, nil })
		must(t, err)
		must(t, q.Conn().FlushWithContext(within(t, time.Second)))
		ask := func(s *Session) error {
			return s.Request(within(t, time.Second), events.SignalSubject(room, "q", s.Peer()), struct{}{}, &struct{}{})
		}
		for range requestRate.Burst {
			must(t, ask(p))
		}
		err = ask(p)
		wantCode(t, "one too many", err, events.CodeUnavailable)
		if e := events.AsError(err); e.RetryAfterMS < 1 || e.RetryAfterMS > 1000/int64(requestRate.PerSecond)+1 || read != requestRate.Burst {
			t.Errorf("come back in %d ms, %d were read", e.RetryAfterMS, read)
		}
		must(t, ask(other))
		time.Sleep(time.Second)
		must(t, ask(p))
	})
}
