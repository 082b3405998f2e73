package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// nats is the usual lock: a key with a short life, which its holder keeps alive.
var nats = peer{
	name: "nats", what: "NATS 2.15.2 JetStream KV, key's TTL 1 s, kept alive each 333 ms",
	server: serveNATS, node: holdKey,
}

const (
	bucket  = "room"
	leading = "leader"
	keyTTL  = time.Second
	refresh = keyTTL / 3
)

func serveNATS(ctx context.Context, c config) error {
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: c.dir, NoLog: true, NoSigs: true,
	})
	if err != nil {
		return err
	}
	s.Start()
	defer s.Shutdown()
	if !s.ReadyForConnections(patience) {
		return errors.New("not ready")
	}
	say("at", s.ClientURL())
	<-ctx.Done()
	return nil
}

func holdKey(ctx context.Context, c config) error {
	conn, err := natsgo.Connect(c.join[0], natsgo.Name(c.name))
	if err != nil {
		return err
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		return err
	}
	kv, err := js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: bucket, Storage: jetstream.FileStorage, LimitMarkerTTL: time.Second})
	if err != nil {
		return err
	}
	w, err := kv.Watch(ctx, leading)
	if err != nil {
		return err
	}
	h := holder{name: c.name, js: js, kv: kv}
	beat := time.NewTicker(refresh)
	defer beat.Stop()
	for {
		select {
		case e := <-w.Updates():
			switch {
			case e != nil && e.Operation() == jetstream.KeyValuePut:
				say("leader", string(e.Value()))
			default: // the key ended, or never was: a nil entry ends what was there at the start
				h.take(ctx)
			}
		case <-beat.C:
			h.keep(ctx)
		case <-ctx.Done():
			return nil
		}
	}
}

// holder is a node's hold on the key.
type holder struct {
	name     string
	js       jetstream.JetStream
	kv       jetstream.KeyValue
	revision uint64 // 0: not held
}

// take makes the key, which one of those that try can.
func (h *holder) take(ctx context.Context) {
	if revision, err := h.kv.Create(ctx, leading, []byte(h.name), jetstream.KeyTTL(keyTTL)); err == nil {
		h.revision = revision
	}
}

// keep writes the key anew, if it is held and nobody else did: an update of the
// library would drop its TTL.
func (h *holder) keep(ctx context.Context) {
	if h.revision == 0 {
		return
	}
	m := natsgo.NewMsg(fmt.Sprintf("$KV.%s.%s", bucket, leading))
	m.Data = []byte(h.name)
	m.Header.Set(jetstream.MsgTTLHeader, keyTTL.String())
	m.Header.Set(jetstream.ExpectedLastSubjSeqHeader, fmt.Sprint(h.revision))
	ack, err := h.js.PublishMsg(ctx, m)
	if err != nil {
		h.revision = 0
		return
	}
	h.revision = ack.Sequence
}
