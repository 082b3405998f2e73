package e2e

import (
	"context"
	"flag"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
)

// stockName is what the test's own binary is called to behave as the nats command.
const stockName = "nats"

// asNATS is as much of the stock nats command line as viewer.creds shows, on top of
// the stock library:
//
//	nats --server URL --creds FILE sub SUBJECT
//	nats --server URL --creds FILE pub SUBJECT BODY
//	nats --server URL --creds FILE req --inbox-prefix P SUBJECT BODY
func asNATS(args []string) error {
	flags := flag.NewFlagSet(stockName, flag.ContinueOnError)
	server := flags.String("server", "", "")
	creds := flags.String("creds", "", "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	verb := flags.Arg(0)
	more := flag.NewFlagSet(verb, flag.ContinueOnError)
	inbox := more.String("inbox-prefix", "_INBOX", "")
	if err := more.Parse(flags.Args()[1:]); err != nil {
		return err
	}
	refused := make(chan error, 1)
	nc, err := nats.Connect(*server, nats.UserCredentials(*creds), nats.CustomInboxPrefix(*inbox),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { refused <- err }))
	if err != nil {
		return err
	}
	defer nc.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	subject, body := more.Arg(0), []byte(more.Arg(1))
	switch verb {
	case "sub":
		return subscribe(ctx, nc, subject, refused)
	case "pub":
		if err := nc.Publish(subject, body); err != nil {
			return err
		}
		if err := nc.FlushWithContext(ctx); err != nil {
			return err
		}
		return lastError(nc, refused)
	case "req":
		m, err := nc.RequestWithContext(ctx, subject, body)
		if err == nil {
			fmt.Printf("%s\n", m.Data)
		}
		return err
	}
	return fmt.Errorf("unknown command %q", verb)
}

// lastError is what the server said of a publication; it said so before it answered
// the flush, and the handler hears of it on another goroutine.
func lastError(nc *nats.Conn, refused <-chan error) error {
	if nc.LastError() == nil {
		return nil
	}
	return <-refused
}

func subscribe(ctx context.Context, nc *nats.Conn, subject string, refused <-chan error) error {
	_, err := nc.Subscribe(subject, func(m *nats.Msg) { fmt.Printf("Received on %s\n%s\n", m.Subject, m.Data) })
	if err == nil {
		err = nc.FlushWithContext(ctx)
	}
	if err != nil {
		return err
	}
	fmt.Println("Subscribing on", subject)
	return <-refused // or it is killed
}
