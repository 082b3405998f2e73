package main

import (
	"context"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// watch is NATS' key-value store, which keeps what is written: each process watches
// the keys of all.
var watch = spread{
	name: "nats-kv", what: "NATS 2.15.2 JetStream KV, all watch, kept in memory",
	server: serveNATS, reader: watchKeys, writer: putKey,
}

func bucketOf(ctx context.Context, c config) (*natsgo.Conn, jetstream.KeyValue, error) {
	conn, err := natsgo.Connect(c.join[0], natsgo.Name(c.name))
	if err != nil {
		return nil, nil, err
	}
	js, err := jetstream.New(conn)
	if err != nil {
		return nil, nil, err
	}
	kv, err := js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: bucket, Storage: jetstream.MemoryStorage})
	return conn, kv, err
}

func watchKeys(ctx context.Context, c config) error {
	conn, kv, err := bucketOf(ctx, c)
	if err != nil {
		return err
	}
	defer conn.Close()
	w, err := kv.WatchAll(ctx)
	if err != nil {
		return err
	}
	for {
		select {
		case e := <-w.Updates():
			if e == nil { // all that was there has come
				say("at", c.name)
				continue
			}
			got(e.Value())
		case <-ctx.Done():
			return nil
		}
	}
}

func putKey(ctx context.Context, c config) error {
	conn, kv, err := bucketOf(ctx, c)
	if err != nil {
		return err
	}
	defer conn.Close()
	return write(ctx, func(_ int, payload []byte) error {
		_, err := kv.Put(ctx, "worker", payload)
		return err
	})
}
