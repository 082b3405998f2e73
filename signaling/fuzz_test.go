package signaling

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path"
	"path/filepath"
	"testing"

	"github.com/moothall/moothall/embedded"
	"github.com/moothall/moothall/events"
)

// FuzzHTTP gives the hub any request as it comes from a connection, in which TOKEN stands
// for a client's token: nothing fails in the hub, and nothing that is a member's or the
// operator's is answered to who is none.
func FuzzHTTP(f *testing.F) {
	dir := f.TempDir()
	keys, err := embedded.OpenKeys(filepath.Join(dir, "keys"))
	must(f, err)
	srv, err := embedded.Start(embedded.Config{NoListen: true, StoreDir: filepath.Join(dir, "store")}, keys)
	must(f, err)
	hub, err := NewHub(Config{AdminToken: operator, TokenDir: filepath.Join(dir, "tokens")}, srv, keys)
	must(f, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- hub.Run(ctx) }()
	f.Cleanup(func() {
		cancel()
		must(f, <-done)
		srv.Shutdown()
	})
	<-hub.Ready()
	token, _, err := hub.NewToken(ctx, TokenRequest{Room: testRoom, Role: events.RoleClient})
	must(f, err)
	handler := hub.Handler()
	join := `{"token":"TOKEN","nkey":"` + publicKey(f, newKey(f)) + `","protocol":1}`
	for _, raw := range []string{
		"GET /discover-workers?room=lab&min_gpu_memory_mb=8192&status=available HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer TOKEN\r\n\r\n",
		"GET /discover-workers?room=%2e%2e&min_gpu_memory_mb=-1&status=%00 HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer TOKEN\r\n\r\n",
		"GET /discover-workers?room=lab;room=attic&min_gpu_memory_mb=99999999999999999999 HTTP/1.0\r\n\r\n",
		"POST /v1/rooms/lab/join HTTP/1.1\r\nHost: h\r\nContent-Length: " + "9999\r\n\r\n" + join,
		"POST /v1/rooms/lab/join HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}",
		"POST /v1/rooms/%2A/join HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
		"GET /metrics HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer TOKEN\r\n\r\n",
		"GET /v1/peers?room=lab HTTP/1.1\r\nHost: h\r\nAuthorization: bearer \x00\r\n\r\n",
		"DELETE /v1/rooms/lab/peers/heron HTTP/1.1\r\nHost: h\r\n\r\n",
		"DELETE /v1/tokens/..%2fkeys HTTP/1.1\r\nHost: h\r\n\r\n",
		"POST /v1/tokens HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}",
		"POST /v1/keys/rotate HTTP/1.1\r\nHost: h\r\n\r\n",
		"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n", "HEAD //version HTTP/1.1\r\nHost: h\r\n\r\n", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n",
	} {
		f.Add([]byte(raw))
	}
	calls := uint32(0)
	f.Fuzz(func(t *testing.T, raw []byte) {
		knows := bytes.Contains(raw, []byte("TOKEN"))
		r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(bytes.ReplaceAll(raw, []byte("TOKEN"), []byte(token)))))
		if err != nil {
			return
		}
		// Everybody has an address of its own, or the rates would answer.
		calls++
		var address [4]byte
		binary.BigEndian.PutUint32(address[:], 10<<24|calls&0xffffff)
		r.RemoteAddr = netip.AddrPortFrom(netip.AddrFrom4(address), 1).String()
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		switch code := w.Code; {
		case code >= 500:
			t.Fatalf("%q: %d %s", raw, code, w.Body)
		case code >= 300:
		case r.URL.Path == "/healthz" || r.URL.Path == "/readyz" || r.URL.Path == "/version":
		case knows && (r.URL.Path == "/discover-workers" || path.Base(r.URL.Path) == "join"):
		default:
			t.Fatalf("%q is answered: %d %s", raw, code, w.Body)
		}
	})
}
