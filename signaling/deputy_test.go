package signaling

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/nats-io/nats.go"
)

// try publishes and reports the server's refusal, "" if there was none.
func (p *peer) try(subject, reply string, data []byte) string {
	p.t.Helper()
	refused := make(chan string, 1)
	p.nc.SetErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
		select {
		case refused <- err.Error():
		default:
		}
	})
	must(p.t, p.nc.PublishMsg(&nats.Msg{Subject: subject, Reply: reply, Data: data}))
	must(p.t, flush(context.Background(), p.nc))
	select {
	case text := <-refused:
		return text
	case <-time.After(time.Second):
		return ""
	}
}

func TestSpoof_ServerRefusesToPublishAsAnother(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, h *house) {
		w, c, v := h.admit(events.RoleWorker, "worker-1"), h.admit(events.RoleClient, ""), h.admit(events.RoleViewer, "")
		for _, try := range []struct {
			by      *peer
			subject string
		}{
			{w, events.ServiceSubject(testRoom, events.VerbRegister, "worker-2")},
			{w, events.SignalSubject(testRoom, "worker-3", "worker-2")},
			{w, events.RosterSubject(testRoom, "worker-2")},
			{w, events.EventSubject(testRoom, events.EventAdmin)},
			{w, events.ServiceSubject("other", events.VerbRegister, "worker-1")},
			{w, events.QuerySubject(testRoom, "worker-2", "worker-1")},
			{w, events.InboxPrefix(testRoom, "worker-2") + ".x"},
			{w, "$SYS.REQ.SERVER.PING"},
			{c, events.ServiceSubject(testRoom, events.VerbRegister, c.id)},
			{c, events.QuerySubject(testRoom, "worker-1", "other")},
			{v, events.EventSubject(testRoom, events.EventAdmin)},
			{v, events.QuerySubject(testRoom, "worker-1", v.id)},
			{v, events.ServiceSubject(testRoom, events.VerbClaim, v.id)},
		} {
			if text := try.by.try(try.subject, "", nil); !strings.Contains(text, "Permissions Violation") {
				t.Errorf("%s on %s: %q", try.by.id, try.subject, text)
			}
		}
	})
}

func TestSpoof_NobodyReadsAnothersInboxOrSignals(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, h *house) {
		w := h.admit(events.RoleWorker, "worker-1")
		for _, subject := range []string{
			events.InboxPrefix(testRoom, "worker-2") + ".>", "_INBOX.>", ">",
			events.SignalSubject(testRoom, "worker-2", "*"), events.ServiceSubject(testRoom, "*", "*"),
			events.EventSubject("other", ">"),
		} {
			sub, err := w.nc.SubscribeSync(subject)
			must(t, err)
			must(t, flush(context.Background(), w.nc))
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			_, err = sub.NextMsgWithContext(ctx)
			cancel()
			if got := w.nc.LastError(); got == nil || !strings.Contains(got.Error(), "Permissions Violation") {
				t.Errorf("subscribed to %s: %v, %v", subject, err, got)
			}
		}
	})
}

func TestDeputy_AnswersOnlyIntoTheAskersInbox(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, h *house) {
		attacker, victim := h.admit(events.RoleWorker, "worker-1"), h.admit(events.RoleWorker, "worker-2")
		signals, err := victim.nc.SubscribeSync(events.SignalSubject(testRoom, "worker-2", "*"))
		must(t, err)
		inbox, err := victim.nc.SubscribeSync(events.InboxPrefix(testRoom, "worker-2") + ".>")
		must(t, err)
		quietEvents := quiet(victim, ">", time.Second)
		for _, reply := range []string{
			events.SignalSubject(testRoom, "worker-2", "worker-3"),
			events.EventSubject(testRoom, events.EventAdmin),
			events.InboxPrefix(testRoom, "worker-2") + ".x",
			events.InboxPrefix(testRoom, "worker-1"),
			"$KV.rooms.lab",
			"",
		} {
			subject := events.ServiceSubject(testRoom, events.VerbInfo, "worker-1")
			if text := attacker.try(subject, reply, []byte("{}")); text != "" {
				t.Fatalf("reply %q: %s", reply, text)
			}
		}
		quietEvents()
		for _, sub := range []*nats.Subscription{signals, inbox} {
			if n, _, err := sub.Pending(); err != nil || n != 0 {
				t.Fatalf("%d messages on %s: %v", n, sub.Subject, err)
			}
		}
		if attacker.info().RoomID != testRoom {
			t.Fatal("an honest request is not answered")
		}
	})
}

func TestDeputy_ServiceMayPublishOnlyInboxesAndEvents(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, h *house) {
		service := &peer{house: h, nc: h.hub.rooms}
		for _, subject := range []string{"$KV.rooms.lab", events.SignalSubject(testRoom, "a", "b"), events.RosterSubject(testRoom, "a")} {
			if text := service.try(subject, "", nil); !strings.Contains(text, "Permissions Violation") {
				t.Errorf("%s: %q", subject, text)
			}
		}
	})
}
