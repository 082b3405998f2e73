package jobs

import (
	"crypto/rand"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/nats-io/nkeys"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/signaling/session"
)

// Racers for one slot, and what each does.
const (
	racers = 50
	turns  = 8
)

// A move is what a client asks of the worker; granted is the answer to a reservation.
type move struct {
	client  int
	reserve bool
}

// slot is a worker with one slot, as everybody who talks to it must see it: it is held by
// a client, or free (-1).
var slot = porcupine.Model{
	Init: func() any { return -1 },
	Step: func(state, input, output any) (bool, any) {
		holder, m, granted := state.(int), input.(move), output.(bool)
		switch {
		case !m.reserve:
			return holder == m.client, -1
		case granted:
			return holder == -1, m.client
		}
		return holder != -1, holder
	},
	DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v: %v", input, output) },
}

// Fifty clients race for one worker: at any time exactly one holds it, by a history that
// porcupine checks, and in the end it is free.
func TestRace_FiftyClientsForOneWorker(t *testing.T) {
	t.Parallel()
	h := open(t)
	clients := make([]*session.Session, racers)
	for i := range clients {
		clients[i] = h.join()
	}
	begun := time.Now()
	histories := make([][]porcupine.Operation, racers)
	var racing sync.WaitGroup
	for i, c := range clients {
		racing.Go(func() { histories[i] = race(t, i, c, begun) })
	}
	racing.Wait()
	var history []porcupine.Operation
	granted := 0
	for _, one := range histories {
		history = append(history, one...)
		for _, op := range one {
			if op.Input.(move).reserve && op.Output.(bool) {
				granted++
			}
		}
	}
	if result := porcupine.CheckOperationsTimeout(slot, history, patience); result != porcupine.Ok {
		t.Errorf("the history of %d moves is %s", len(history), result)
	}
	if granted == 0 || granted == racers*turns {
		t.Errorf("%d of %d reservations were granted: that was no race", granted, racers*turns)
	}
	t.Logf("%d moves, %d of %d reservations granted", len(history), granted, racers*turns)
	h.clean()
}

// join makes a client that speaks to the worker without the library.
func (h house) join() *session.Session {
	h.t.Helper()
	settings, err := h.ClientConfig()
	if err != nil {
		h.t.Fatal(err)
	}
	key, err := nkeys.CreateUser()
	if err != nil {
		h.t.Fatal(err)
	}
	s, err := session.Join(h.t.Context(), session.Config{
		HubURL: settings.Hub, Room: settings.Room, Token: events.Secret(settings.Token), Role: events.RoleClient, Key: key,
		HTTP: session.NewHTTP(events.Secret(settings.Token)),
	})
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = s.Close(h.t.Context()) })
	return s
}

// race asks for the slot again and again, and gives it back when it got it.
func race(t *testing.T, me int, c *session.Session, begun time.Time) (history []porcupine.Operation) {
	subject := events.WorkSubject(room, peer, c.Peer())
	ask := func(m move, in, out any) error {
		call := time.Since(begun)
		err := c.Request(t.Context(), subject, in, out)
		if code := events.CodeOf(err); code != "" && code != events.CodeBusy {
			t.Errorf("client %d: %v", me, err)
		}
		history = append(history, porcupine.Operation{
			ClientId: me, Input: m, Call: call.Nanoseconds(), Output: err == nil, Return: time.Since(begun).Nanoseconds(),
		})
		return err
	}
	for range turns {
		var r events.Reserved
		err := ask(move{me, true}, events.Reserve{V: events.ProtocolVersion, Type: events.TypeReserve, RequestID: rand.Text(), Command: "sh"}, &r)
		if err == nil {
			_ = ask(move{me, false}, events.Release{V: events.ProtocolVersion, Type: events.TypeRelease, Lease: r.Lease}, nil)
		}
	}
	return history
}
