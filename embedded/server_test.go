package embedded

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func startServer(t testing.TB, cfg Config, k *Keys) *Server {
	t.Helper()
	if cfg.StoreDir == "" {
		cfg.StoreDir = t.TempDir()
	}
	s, err := Start(cfg, k)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Shutdown)
	return s
}

func connect(t *testing.T, s *Server, a Account) *nats.Conn {
	t.Helper()
	nc, err := s.Connect(a)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// admit connects a peer over TCP.
func admit(t testing.TB, s *Server, k *Keys, role events.Role, peer string, opts ...nats.Option) (*nats.Conn, error) {
	t.Helper()
	key, nkey := newUser(t)
	text, err := k.MintUser(User{Role: role, Room: "lab", Peer: peer, Token: "of-" + peer, NKey: nkey, Expires: time.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	seed, err := key.Seed()
	if err != nil {
		t.Fatal(err)
	}
	opts = append([]nats.Option{nats.UserJWTAndSeed(text, string(seed)), nats.CustomInboxPrefix(events.InboxPrefix("lab", peer))}, opts...)
	nc, err := nats.Connect(s.URL(), opts...)
	if err == nil {
		t.Cleanup(nc.Close)
	}
	return nc, err
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestServer_OnlyTheControlAccountHasJetStream(t *testing.T) {
	k := openKeys(t, t.TempDir())
	s := startServer(t, Config{NoListen: true}, k)
	for a, want := range map[Account]bool{Rooms: false, Control: true} {
		js, err := jetstream.New(connect(t, s, a))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := js.AccountInfo(within(t)); (err == nil) != want {
			t.Errorf("%s: %v", a, err)
		}
	}
	if s.URL() != "" {
		t.Errorf("it listens on %s", s.URL())
	}
}

func TestServer_KeepsItsStoreAndUsersOverARestart(t *testing.T) {
	k, dir := openKeys(t, t.TempDir()), t.TempDir()
	first := startServer(t, Config{NoListen: true, StoreDir: dir}, k)
	put := func(s *Server) jetstream.KeyValue {
		js, err := jetstream.New(connect(t, s, Control))
		if err != nil {
			t.Fatal(err)
		}
		kv, err := js.CreateOrUpdateKeyValue(within(t), jetstream.KeyValueConfig{Bucket: "b", Storage: jetstream.FileStorage})
		if err != nil {
			t.Fatal(err)
		}
		return kv
	}
	if _, err := put(first).Put(within(t), "key", []byte("value")); err != nil {
		t.Fatal(err)
	}
	first.Shutdown()
	second := startServer(t, Config{NoListen: true, StoreDir: dir}, k)
	if e, err := put(second).Get(within(t), "key"); err != nil || string(e.Value()) != "value" {
		t.Fatalf("%v, %v", e, err)
	}
}

func TestServer_PortInUseIsAConfigurationError(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	_, err = Start(Config{Port: l.Addr().(*net.TCPAddr).Port, StoreDir: t.TempDir()}, openKeys(t, t.TempDir()))
	if events.CodeOf(err) != events.CodeConfig || !strings.Contains(err.Error(), "address already in use") {
		t.Fatal(err)
	}
}

func TestServer_RefusesUsersOfAnotherHouse(t *testing.T) {
	s := startServer(t, Config{Port: -1}, openKeys(t, t.TempDir()))
	if _, err := admit(t, s, openKeys(t, t.TempDir()), events.RoleWorker, "w"); !errors.Is(err, nats.ErrAuthorization) {
		t.Fatal(err)
	}
}

func TestServer_BoundsMessagesAndSubscriptionsOfAPeer(t *testing.T) {
	k := openKeys(t, t.TempDir())
	s := startServer(t, Config{Port: -1}, k)
	refused := make(chan error, 8)
	nc, err := admit(t, s, k, events.RoleWorker, "w", nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { refused <- err }))
	if err != nil {
		t.Fatal(err)
	}
	if got := nc.MaxPayload(); got != events.MaxMessage {
		t.Errorf("largest message %d", got)
	}
	for range maxSubscriptions + 1 {
		if _, err := nc.Subscribe(events.EventSubject("lab", events.EventAdmin), func(*nats.Msg) {}); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case err := <-refused:
		if !strings.Contains(err.Error(), "maximum subscriptions exceeded") {
			t.Error(err)
		}
	case <-within(t).Done():
		t.Error("no bound of subscriptions")
	}
}

func TestConnections_AreSeenWithPeerAndReason(t *testing.T) {
	k := openKeys(t, t.TempDir())
	s := startServer(t, Config{Port: -1}, k)
	seen := make(chan ConnectionEvent, 16)
	system := connect(t, s, System)
	if err := k.WatchConnections(system, func(e ConnectionEvent) { seen <- e }); err != nil {
		t.Fatal(err)
	}
	if err := system.FlushWithContext(within(t)); err != nil {
		t.Fatal(err)
	}
	connect(t, s, Rooms).Close() // the hub's own is nobody's
	nc, err := admit(t, s, k, events.RoleWorker, "w", nats.Name("somebody-else"))
	if err != nil {
		t.Fatal(err)
	}
	id, err := nc.GetClientID()
	if err != nil {
		t.Fatal(err)
	}
	want := ConnectionEvent{Room: "lab", Peer: "w", Connection: events.Connection{ServerID: nc.ConnectedServerId(), ClientID: id}}
	next := func() ConnectionEvent {
		select {
		case e := <-seen:
			return e
		case <-within(t).Done():
			t.Fatal("nothing seen")
			return ConnectionEvent{}
		}
	}
	if e := next(); e != want {
		t.Errorf("%+v, want %+v", e, want)
	}
	nc.Close()
	want.Ending, want.Reason = EndedByPeer, "Client Closed"
	if e := next(); e != want {
		t.Errorf("%+v, want %+v", e, want)
	}
}

func TestConnections_OnlyItsOwnEndCountsAsByThePeer(t *testing.T) {
	for reason, want := range map[string]Ending{
		"Client Closed": EndedByPeer, "Read Error": EndedByPeer, "Write Error": EndedByPeer,
		"Stale Connection": EndedOtherwise, "Authentication Expired": EndedOtherwise, "Kicked": EndedOtherwise,
		"Slow Consumer (Pending Bytes)": EndedOtherwise, "": EndedOtherwise,
	} {
		body := `{"server":{"id":"S"},"client":{"id":7,"tags":["room:lab","peer:w"]},"reason":"` + reason + `"}`
		e, ok := readConnectionEvent("$SYS.ACCOUNT.A.DISCONNECT", []byte(body))
		if !ok || e.Ending != want || e.Peer != "w" || e.Connection.ClientID != 7 {
			t.Errorf("%q: %+v", reason, e)
		}
	}
}

func FuzzReadConnectionEvent(f *testing.F) {
	f.Add("$SYS.ACCOUNT.A.CONNECT", []byte(`{"client":{"id":1,"tags":["room:lab","peer:w"]}}`))
	f.Add("$SYS.ACCOUNT.A.DISCONNECT", []byte(`{"reason":"Client Closed"}`))
	f.Add("x", []byte(`[`))
	f.Fuzz(func(t *testing.T, subject string, body []byte) {
		if e, ok := readConnectionEvent(subject, body); ok && (e.Room == "" || e.Peer == "") {
			t.Fatalf("an event of nobody: %+v", e)
		}
	})
}

// The library's 2 s were too few when a hundred peers of a restarted hub returned at
// once: the hub ended.
func TestServer_OwnConnectionsHavePatience(t *testing.T) {
	s := startServer(t, Config{NoListen: true}, openKeys(t, t.TempDir()))
	if got := connect(t, s, Control).Opts.Timeout; got < 5*nats.DefaultTimeout {
		t.Errorf("the hub's own connection may take %s", got)
	}
}
