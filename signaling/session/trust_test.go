package session

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/moothall/moothall/events"
	"github.com/nats-io/nkeys"
)

// Issue 6.4: a token that pins a certificate is shown to a hub with that one only; each
// other hub gets nothing, and the person is told what to do.
func TestTLS_ATokenIsShownToTheHubThatItPinsOnly(t *testing.T) {
	asked := 0
	hub := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		w.WriteHeader(http.StatusTeapot)
	})
	encrypted, plain := httptest.NewTLSServer(hub), httptest.NewServer(hub)
	defer encrypted.Close()
	defer plain.Close()
	pinned := events.Secret(events.PinToken(token, events.CertificatePin(encrypted.Certificate().Raw)))
	other := events.Secret(events.PinToken(token, events.CertificatePin([]byte("another"))))
	for _, c := range []struct {
		what, url string
		token     events.Secret
		code      events.Code
		says      string
		asked     int
	}{
		{"the pinned one", encrypted.URL, pinned, events.CodeUnreachable, "is not a moothall hub", 1},
		{"another certificate", encrypted.URL, other, events.CodeForbidden, "another certificate than the token pins", 0},
		{"nobody vouches", encrypted.URL, token, events.CodeForbidden, "is not trusted", 0},
		{"plain at the address of TLS", strings.Replace(plain.URL, "http:", "https:", 1), pinned, events.CodeForbidden, "speaks without TLS", 0},
		{"plain, no pin", strings.Replace(plain.URL, "http:", "https:", 1), token, events.CodeConfig, "speaks without TLS", 0},
		{"asked for plain, with a pin", plain.URL, pinned, events.CodeConfig, "is for a hub with TLS", 0},
		{"TLS at the address of plain", strings.Replace(encrypted.URL, "https:", "http:", 1), token, events.CodeConfig, "speaks TLS", 0},
	} {
		asked = 0
		key, err := nkeys.CreateUser()
		must(t, err)
		_, err = Join(t.Context(), Config{HubURL: c.url, Room: room, Token: c.token, Role: events.RoleWorker, Key: key})
		wantCode(t, c.what, err, c.code)
		if e := events.AsError(err); !strings.Contains(e.Message, c.says) || e.Try == "" || asked != c.asked {
			t.Errorf("%s: %q, try %q, asked %d times", c.what, e.Message, e.Try, asked)
		}
	}
}
