package jobs

import (
	"crypto/rand"
	"fmt"
	"reflect"
	"slices"
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
		return false, holder // refusals are looked at by themselves: see unfounded
	},
	DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v: %v", input, output) },
}

// unfounded are the refusals at whose time nobody can have held the slot. A holder may
// have it from the call of its reservation to the return of its release, and if the moves
// alone have an order, they have one with all other refusals too: each holder takes the
// slot as early and gives it back as late as the next one lets it. porcupine would look
// for that among all orders of the refusals, of which fifty at a time have too many.
func unfounded(refusals, moves []porcupine.Operation) (all []porcupine.Operation) {
	type tenure struct{ from, to int64 }
	var held []tenure
	for i, op := range moves {
		if op.Input.(move).reserve {
			held = append(held, tenure{op.Call, moves[i+1].Return})
		}
	}
	for _, r := range refusals {
		if !slices.ContainsFunc(held, func(h tenure) bool { return r.Return >= h.from && r.Call <= h.to }) {
			all = append(all, r)
		}
	}
	return all
}

func TestUnfounded_RefusalsOfAFreeSlot(t *testing.T) {
	at := func(reserve, granted bool, call, back int64) porcupine.Operation {
		return porcupine.Operation{Input: move{0, reserve}, Output: granted, Call: call, Return: back}
	}
	moves := []porcupine.Operation{at(true, true, 10, 20), at(false, true, 30, 40)}
	free := []porcupine.Operation{at(true, false, 1, 9), at(true, false, 41, 50)}
	held := []porcupine.Operation{at(true, false, 1, 10), at(true, false, 21, 29), at(true, false, 40, 50), at(true, false, 1, 50)}
	if got := unfounded(append(held, free...), moves); !reflect.DeepEqual(got, free) {
		t.Errorf("unfounded: %+v", got)
	}
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
	var moves, refusals []porcupine.Operation
	for _, one := range histories {
		for _, op := range one {
			if op.Input.(move).reserve && !op.Output.(bool) {
				refusals = append(refusals, op)
			} else {
				moves = append(moves, op)
			}
		}
	}
	if result := porcupine.CheckOperationsTimeout(slot, moves, patience); result != porcupine.Ok {
		t.Errorf("the history of %d moves is %s", len(moves), result)
	}
	for _, op := range unfounded(refusals, moves) {
		t.Errorf("client %d was refused while the slot was free for sure, from %d to %d ns", op.ClientId, op.Call, op.Return)
	}
	if len(moves) == 0 || len(refusals) == 0 {
		t.Errorf("%d moves and %d refusals: that was no race", len(moves), len(refusals))
	}
	t.Logf("%d moves, %d refusals", len(moves), len(refusals))
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
