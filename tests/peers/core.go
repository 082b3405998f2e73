package main

import (
	"context"

	natsgo "github.com/nats-io/nats.go"
)

// core is NATS' plain publish and subscribe: one server between all, nothing kept.
var core = spread{
	name: "nats-core", what: "NATS 2.15.2 core publish to all, nothing kept",
	server: serveNATS, reader: subscribe, writer: publish,
}

const subject = "room.update"

func subscribe(ctx context.Context, c config) error {
	conn, err := natsgo.Connect(c.join[0], natsgo.Name(c.name))
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.Subscribe(subject, func(m *natsgo.Msg) { got(m.Data) }); err != nil {
		return err
	}
	if err := conn.FlushTimeout(patience); err != nil { // the server knows
		return err
	}
	say("at", c.name)
	<-ctx.Done()
	return nil
}

func publish(ctx context.Context, c config) error {
	conn, err := natsgo.Connect(c.join[0], natsgo.Name(c.name))
	if err != nil {
		return err
	}
	defer conn.Close()
	return write(ctx, func(_ int, payload []byte) error { return conn.Publish(subject, payload) })
}
