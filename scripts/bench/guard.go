package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nkeys"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/signaling/session"
)

const (
	joins     = 100
	floodRuns = 3
	floodFor  = 3 * time.Second // each time, and each baseline

	floodRetry = 100 * time.Millisecond // of a flooder that is kept out
)

// member joins a room as a new peer.
func (b *bench) member(ctx context.Context, room string, role events.Role, token string) (*session.Session, nkeys.KeyPair, error) {
	key, err := nkeys.CreateUser()
	if err != nil {
		return nil, nil, err
	}
	s, err := session.Join(ctx, session.Config{HubURL: b.stage.HTTP, Room: room, Token: events.Secret(token), Role: role, Key: key})
	return s, key, err
}

// joining times what a worker does before it has a seat: the token over HTTP, the
// connection to NATS, its registration. Another is there before, so that no join is an
// election too. Each leaves before the next comes.
func (b *bench) joining(ctx context.Context) ([]sample, error) {
	const room = "joins"
	token, err := b.stage.Token(ctx, room, string(events.RoleWorker))
	if err != nil {
		return nil, err
	}
	took := sample{what: "join: HTTP, NATS and register", unit: milliseconds, target: 10}
	for n := range 1 + joins {
		start := time.Now()
		s, key, err := b.member(ctx, room, events.RoleWorker, token)
		if err != nil {
			return nil, err
		}
		var a events.RegisteredAuth
		err = s.Request(ctx, events.ServiceSubject(room, events.VerbRegister, s.Peer()),
			events.Register{V: events.ProtocolVersion, NKey: s.Key(), Instance: s.Peer(), Registry: true, Connection: s.Connection()}, &a)
		if n == 0 && err == nil {
			defer func() { _ = s.Close(context.WithoutCancel(ctx)) }() // the stage ends with it
			continue
		}
		if err == nil {
			took.took(time.Since(start))
			err = leave(ctx, s, key, room, events.Seat{PeerID: a.PeerID, Incarnation: a.Incarnation})
		}
		if closed := s.Close(ctx); err == nil {
			err = closed
		}
		if err != nil {
			return nil, err
		}
	}
	return []sample{took}, nil
}

func leave(ctx context.Context, s *session.Session, key nkeys.KeyPair, room string, seat events.Seat) error {
	bye, err := events.Goodbye{Room: room, Seat: seat}.Sign(key)
	if err != nil {
		return err
	}
	return s.Request(ctx, events.ServiceSubject(room, events.VerbLeave, s.Peer()), events.Leave{V: events.ProtocolVersion, Goodbye: bye}, &events.Ack{})
}

// flood times the questions of a client while another member sends offers to the admin
// as fast as it can, and comes back whenever it is put out and its token admits another
// key; before each flood the same questions in peace.
func (b *bench) flood(ctx context.Context) ([]sample, error) {
	calm := sample{what: "question to the admin, in peace", unit: milliseconds}
	flooded := sample{what: "the same while a member floods", unit: milliseconds}
	before, err := b.hubMemory()
	if err != nil {
		return nil, err
	}
	tokens := make(chan string, floodRuns)
	for range cap(tokens) {
		token, err := b.stage.Token(ctx, b.stage.Room, string(events.RoleClient)) // of one flooder each
		if err != nil {
			return nil, err
		}
		tokens <- token
	}
	sent, cut := 0, 0
	for range floodRuns {
		if err := b.questions(ctx, floodFor, &calm); err != nil {
			return nil, err
		}
		limited, stop := context.WithTimeout(ctx, floodFor)
		ended := make(chan error, 1)
		go func() {
			n, times, err := b.floods(limited, <-tokens)
			sent, cut = sent+n, cut+times
			ended <- err
		}()
		err := b.questions(ctx, floodFor, &flooded)
		stop()
		if flooding := <-ended; err == nil {
			err = flooding
		}
		if err != nil {
			return nil, err
		}
	}
	if _, err := b.settled(ctx); err != nil {
		return nil, err
	}
	after, err := b.hubMemory()
	if err != nil {
		return nil, err
	}
	flooded.target, flooded.tail = 2*calm.at(0.99), 2*calm.at(0.99)
	held := sample{what: "the hub's memory afterwards", unit: megabytes, values: []float64{after}}
	held.note = fmt.Sprintf("%.0f before; %d messages sent, %d times put out", before, sent, cut)
	return []sample{calm, flooded, held}, nil
}

// questions asks the admin 50 times a second.
func (b *bench) questions(ctx context.Context, d time.Duration, into *sample) error {
	ticks := time.NewTicker(20 * time.Millisecond)
	defer ticks.Stop()
	for end := time.Now().Add(d); time.Now().Before(end); {
		<-ticks.C
		start := time.Now()
		if _, err := b.client.Workers(ctx, events.Filters{}); err != nil {
			return err
		}
		into.took(time.Since(start))
	}
	return nil
}

// floods sends until ctx ends and counts the messages and how often it was put out.
func (b *bench) floods(ctx context.Context, token string) (sent, cut int, err error) {
	room := b.stage.Room
	offer := make([]byte, 2<<10)
	for ctx.Err() == nil {
		s, _, err := b.member(ctx, room, events.RoleClient, token)
		if events.CodeOf(err) == events.CodeUnavailable { // kept out
			time.Sleep(floodRetry)
			continue
		}
		if err != nil && ctx.Err() == nil {
			return sent, cut, err
		}
		if err != nil {
			return sent, cut, nil
		}
		subject := events.SignalSubject(room, "worker00", s.Peer())
		for ctx.Err() == nil && s.Conn().Publish(subject, offer) == nil {
			sent++
		}
		if ctx.Err() == nil {
			cut++
		}
		if err := s.Close(context.WithoutCancel(ctx)); err != nil {
			return sent, cut, err
		}
	}
	return sent, cut, nil
}

// hubMemory is what the hub holds, in MB (Linux).
func (b *bench) hubMemory() (float64, error) {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(b.stage.Hub().PID()), "status"))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "VmRSS:" {
			kib, err := strconv.ParseFloat(f[1], 64)
			return kib / 1000, err
		}
	}
	return 0, fmt.Errorf("no memory in\n%s", text)
}
