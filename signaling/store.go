package signaling

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	bucket = "rooms"
	// storeKey holds the store's id; no room can be called so.
	storeKey = "_store"
	// maxAttempts bounds the retries of a compare-and-set: fifty peers that join one
	// room at once through several hubs need about ten each.
	maxAttempts = 64
	// maxRecord bounds a stored record, in bytes; the rest of a message is protocol.
	maxRecord = events.MaxMessage - 2<<10
)

// store keeps one record a room, changed by compare-and-set only.
type store struct {
	kv     jetstream.KeyValue
	stream jetstream.Stream
}

// openStore opens the bucket and creates it if it is missing. The store's id rises each
// time: were the store put back to an old copy, the terms that were given since would be
// given again. A tenure keeps the term that it has.
func openStore(ctx context.Context, nc *nats.Conn) (*store, error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, fmt.Errorf("jetstream: %w", err)
	}
	kv, err := js.KeyValue(ctx, bucket)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		kv, err = js.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: bucket, Storage: jetstream.FileStorage, History: 1})
	}
	if err != nil {
		return nil, fmt.Errorf("open room bucket: %w", err)
	}
	stream, err := js.Stream(ctx, "KV_"+bucket)
	if err != nil {
		return nil, fmt.Errorf("open room stream: %w", err)
	}
	if cfg := stream.CachedInfo().Config; cfg.AllowDirect {
		// Direct gets may come from a replica that lacks acknowledged writes.
		cfg.AllowDirect = false
		if stream, err = js.UpdateStream(ctx, cfg); err != nil {
			return nil, fmt.Errorf("forbid direct gets: %w", err)
		}
		if kv, err = js.KeyValue(ctx, bucket); err != nil {
			return nil, fmt.Errorf("reopen room bucket: %w", err)
		}
	}
	s := &store{kv: kv, stream: stream}
	_, err = s.kv.Create(ctx, storeKey, []byte(Above("", time.Now(), rand.Uint32())))
	if conflict(err) {
		err = s.rise(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("new store id: %w", err)
	}
	return s, nil
}

// id is the newest id of the store.
func (s *store) id(ctx context.Context) (string, error) {
	e, err := s.kv.Get(ctx, storeKey)
	if err != nil {
		return "", away("read store id", err)
	}
	return string(e.Value()), nil
}

func (s *store) rise(ctx context.Context) error {
	id, err := s.id(ctx)
	if err == nil {
		_, err = s.raise(ctx, id)
	}
	return err
}

// raise makes the store's id higher than shown, and returns the newest one.
func (s *store) raise(ctx context.Context, shown string) (string, error) {
	for range maxAttempts {
		e, err := s.kv.Get(ctx, storeKey)
		if err != nil {
			return "", away("read store id", err)
		}
		if id := string(e.Value()); id > shown {
			return id, nil
		}
		id := Above(shown, time.Now(), rand.Uint32())
		_, err = s.kv.Update(ctx, storeKey, []byte(id), e.Revision())
		switch {
		case err == nil:
			return id, nil
		case !conflict(err):
			return "", away("raise store id", err)
		}
	}
	return "", events.Errorf(events.CodeConflict, "the store's id changes too often")
}

// load reads a room's record; revision 0 means that the store has none.
func (s *store) load(ctx context.Context, room string) (r Record, revision uint64, err error) {
	e, err := s.kv.Get(ctx, room)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		id, err := s.id(ctx)
		return NewRecord(room, id), 0, err
	}
	if err != nil {
		return Record{}, 0, away("read record", err)
	}
	if err := json.Unmarshal(e.Value(), &r); err != nil {
		return Record{}, 0, unusable(room, "is damaged: "+err.Error())
	}
	if r.V != recordVersion {
		return Record{}, 0, unusable(room, fmt.Sprintf("has version %d, this hub writes %d", r.V, recordVersion))
	}
	return r, e.Revision(), nil
}

// unusable refuses one room; the others go on.
func unusable(room, what string) error {
	return events.Errorf(events.CodeInternal, "the hub's record of room %q %s", room, what).
		WithTry("on the hub: stop it and put its data folder back from a copy, or give the room another name")
}

// change decides on a room's newest record until the result is stored against it,
// or nothing is to be changed. decide may be called many times.
func (s *store) change(ctx context.Context, room string, decide func(Record) (Decision, error)) (Decision, error) {
	for attempt := range maxAttempts {
		r, revision, err := s.load(ctx, room)
		if err != nil {
			return Decision{}, err
		}
		d, err := decide(r)
		if err != nil || !d.Changed {
			return d, err
		}
		err = s.put(ctx, d.Record, revision)
		if !conflict(err) {
			return d, err
		}
		if err := pause(ctx, attempt); err != nil {
			return Decision{}, err
		}
	}
	return Decision{}, events.Errorf(events.CodeConflict, "room %q changes too often: %d attempts", room, maxAttempts)
}

func (s *store) put(ctx context.Context, r Record, revision uint64) error {
	data, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode record: %w", err)
	}
	if len(data) > maxRecord {
		return events.Errorf(events.CodeTooLarge, "record of room %q would have %d bytes, at most %d fit", r.Room, len(data), maxRecord)
	}
	if revision == 0 {
		_, err = s.kv.Create(ctx, r.Room, data)
	} else {
		_, err = s.kv.Update(ctx, r.Room, data, revision)
	}
	if err != nil && !conflict(err) {
		return away("write record", err)
	}
	return err
}

// rooms lists the rooms that have a record, sorted, and the store's last sequence
// number, which moves with every write.
func (s *store) rooms(ctx context.Context) (rooms []string, sequence uint64, err error) {
	prefix := "$KV." + bucket + "."
	info, err := s.stream.Info(ctx, jetstream.WithSubjectFilter(prefix+">"))
	if err != nil {
		return nil, 0, away("list rooms", err)
	}
	for subject := range info.State.Subjects {
		if room := strings.TrimPrefix(subject, prefix); room != storeKey {
			rooms = append(rooms, room)
		}
	}
	slices.Sort(rooms)
	return rooms, info.State.LastSeq, nil
}

// conflict reports a lost compare-and-set. Replicated buckets answer an update with
// another code than single ones; ErrKeyRevisionMismatch covers both.
func conflict(err error) bool {
	return errors.Is(err, jetstream.ErrKeyExists) || errors.Is(err, jetstream.ErrKeyRevisionMismatch)
}

// away is a store that does not answer, as peers see it.
func away(what string, err error) error {
	return events.Errorf(events.CodeUnavailable, "the hub's store does not answer").WithFact("%s: %v", what, err)
}

// pause waits a little before the next attempt, longer each time, at random so that
// rivals part.
func pause(ctx context.Context, attempt int) error {
	const step, most = 500 * time.Microsecond, 20 * time.Millisecond
	t := time.NewTimer(rand.N(min(most, step*time.Duration(attempt+1))))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return away("wait to try again", ctx.Err())
	}
}
