package session

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/nats-io/nkeys"
)

// knock tries to join at url with a client of our own.
func knock(t *testing.T, url string) error {
	t.Helper()
	key, err := nkeys.CreateUser()
	must(t, err)
	_, err = Join(t.Context(), Config{HubURL: url, Room: room, Token: token, Role: events.RoleWorker, Key: key})
	return err
}

func TestJoin_WhoeverAnswersMustBeAHub(t *testing.T) {
	for _, status := range []int{http.StatusOK, http.StatusNotFound, http.StatusBadGateway} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte("<html>"))
		}))
		err := knock(t, server.URL)
		server.Close()
		wantCode(t, http.StatusText(status), err, events.CodeUnreachable)
		if !strings.Contains(err.Error(), "is not a moothall hub") {
			t.Errorf("got %q", err)
		}
	}
}

func TestJoin_TheTokenFollowsNoRedirect(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the token went elsewhere") }))
	defer elsewhere.Close()
	server := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	defer server.Close()
	wantCode(t, "redirect", knock(t, server.URL), events.CodeUnreachable)
}

func TestJoin_ClosedPortSaysWhy(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	url := "http://" + listener.Addr().String()
	must(t, listener.Close())
	err = knock(t, url)
	wantCode(t, "closed port", err, events.CodeUnreachable)
	if want := "no answer from the hub at " + url + " (connection refused)"; err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
}

// A deaf hub takes the request and never answers.
type deaf struct{}

func (deaf) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func TestJoin_SilenceEndsAfterFiveSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key, err := nkeys.CreateUser()
		must(t, err)
		cfg := Config{HubURL: "http://hub:8480", Room: room, Token: token, Role: events.RoleWorker, Key: key, HTTP: &http.Client{Transport: deaf{}}}
		start := time.Now()
		_, err = Join(t.Context(), cfg)
		wantCode(t, "silence", err, events.CodeUnreachable)
		if took := time.Since(start); took != joinTimeout || !strings.HasSuffix(err.Error(), "(none within 5s)") {
			t.Errorf("%q after %s", err, took)
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		_, err = Join(ctx, cfg)
		wantCode(t, "canceled", err, events.CodeCanceled)
	})
}
