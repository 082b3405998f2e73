package attacks

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nkeys"
)

// patience is how long an attacker waits for the server to say no.
const patience = 10 * time.Second

// A wire is a connection to NATS in the attacker's own hands: it sends what it likes,
// and what the server said to it is known as soon as the server has answered a ping.
// One goroutine uses it.
type wire struct {
	conn   net.Conn
	in     *bufio.Reader
	nonce  string
	errs   []string  // of the server, since the last sync
	heard  []message // since the last take
	closed error     // why there is no connection any more
}

type message struct{ subject, reply, data string }

// dialWire connects without a word about who it is.
func dialWire(t *testing.T, address string) *wire {
	t.Helper()
	conn, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	w := &wire{conn: conn, in: bufio.NewReaderSize(conn, 1<<16)}
	line, err := w.line()
	info, ok := strings.CutPrefix(line, "INFO ")
	if err != nil || !ok {
		t.Fatalf("no NATS server: %q, %v", line, err)
	}
	var hello struct {
		Nonce string `json:"nonce"`
	}
	if err := json.Unmarshal([]byte(info), &hello); err != nil {
		t.Fatal(err)
	}
	w.nonce = hello.Nonce
	return w
}

// greet says who it is and reports whether the server believes it. key nil signs
// nothing.
func (w *wire) greet(jwt string, key nkeys.KeyPair) bool {
	hello := map[string]any{"verbose": false, "pedantic": false, "lang": "attack", "version": "1", "protocol": 1, "headers": true, "no_responders": true}
	if jwt != "" {
		hello["jwt"] = jwt
	}
	if key != nil {
		sig, err := key.Sign([]byte(w.nonce))
		if err != nil {
			return false
		}
		hello["sig"] = base64.RawURLEncoding.EncodeToString(sig)
	}
	text, err := json.Marshal(hello)
	if err != nil {
		return false
	}
	w.send("CONNECT %s\r\n", text)
	w.sync()
	return w.closed == nil
}

func (w *wire) send(format string, args ...any) {
	if w.closed != nil {
		return
	}
	_ = w.conn.SetWriteDeadline(time.Now().Add(patience))
	if _, err := fmt.Fprintf(w.conn, format, args...); err != nil {
		w.closed = err
	}
}

func (w *wire) publish(subject, reply, data string) {
	w.send("PUB %s %s %d\r\n%s\r\n", subject, reply, len(data), data)
}

func (w *wire) subscribe(subject, queue string, id int) {
	w.send("SUB %s %s %d\r\n", subject, queue, id)
}

// sync returns when the server has done with all that was sent, and what it had to
// complain about.
func (w *wire) sync() []string {
	w.errs = nil
	w.send("PING\r\n")
	for w.closed == nil {
		if pong, err := w.read(); err != nil {
			w.closed = err
		} else if pong {
			break
		}
	}
	return w.errs
}

// read takes one line of the server, with its payload.
func (w *wire) read() (pong bool, err error) {
	line, err := w.line()
	if err != nil {
		return false, err
	}
	verb, rest, _ := strings.Cut(line, " ")
	switch verb {
	case "PONG":
		return true, nil
	case "PING":
		w.send("PONG\r\n")
	case "-ERR":
		w.errs = append(w.errs, strings.Trim(rest, "'"))
	case "MSG", "HMSG":
		return false, w.message(strings.Fields(rest))
	}
	return false, nil
}

func (w *wire) message(f []string) error {
	if len(f) < 3 {
		return fmt.Errorf("message of %q", f)
	}
	n, err := strconv.Atoi(f[len(f)-1])
	if err != nil {
		return err
	}
	data := make([]byte, n+2)
	if _, err := io.ReadFull(w.in, data); err != nil {
		return err
	}
	m := message{subject: f[0], data: string(data[:n])}
	if len(f) > 3 {
		m.reply = f[2]
	}
	w.heard = append(w.heard, m)
	return nil
}

func (w *wire) line() (string, error) {
	if err := w.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return "", err
	}
	line, err := w.in.ReadString('\n')
	return strings.TrimRight(line, "\r\n"), err
}

// take is what was heard since the last take.
func (w *wire) take() []message {
	heard := w.heard
	w.heard = nil
	return heard
}

// ended reports whether the server closes the connection within limit.
func (w *wire) ended(limit time.Duration) bool {
	end := time.Now().Add(limit)
	for w.closed == nil && time.Now().Before(end) {
		_ = w.conn.SetReadDeadline(end)
		line, err := w.in.ReadString('\n')
		var silence net.Error
		if errors.As(err, &silence) && silence.Timeout() {
			return false
		}
		if err != nil {
			w.closed = err
		} else if strings.HasPrefix(line, "PING") {
			w.send("PONG\r\n")
		}
	}
	return w.closed != nil
}
