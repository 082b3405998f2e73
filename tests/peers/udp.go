package main

import (
	"context"
	"net"
)

// udp is the least that two hops can cost: nobody signs, checks, orders or repeats.
var udp = spread{
	name: "udp", what: "raw UDP, two hops, nothing checked",
	reader: readUDP, relay: relayUDP, writer: writeUDP,
}

func readUDP(_ context.Context, _ config) error { return listen(func([]byte) {}) }

// relayUDP passes on before it says what it got.
func relayUDP(_ context.Context, c config) error {
	var to []net.Conn
	for _, address := range c.join {
		conn, err := net.Dial("udp", address)
		if err != nil {
			return err
		}
		to = append(to, conn)
	}
	return listen(func(payload []byte) {
		for _, conn := range to {
			_, _ = conn.Write(payload) // what is lost is counted by the parent
		}
	})
}

func listen(pass func([]byte)) error {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	say("at", conn.LocalAddr().String())
	payload := make([]byte, 2*weight)
	for {
		n, _, err := conn.ReadFrom(payload)
		if err != nil {
			return err
		}
		pass(payload[:n])
		got(payload[:n])
	}
}

func writeUDP(ctx context.Context, c config) error {
	conn, err := net.Dial("udp", c.join[0])
	if err != nil {
		return err
	}
	defer conn.Close()
	return write(ctx, func(_ int, payload []byte) error {
		_, err := conn.Write(payload)
		return err
	})
}
