package signaling

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/moothall/moothall/embedded"
	"github.com/moothall/moothall/events"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// admitWith joins and connects with a token, as a peer of a new key.
func (h *house) admitWith(token, id string) (*peer, events.JoinReply) {
	h.t.Helper()
	pair, err := nkeys.CreateUser()
	must(h.t, err)
	return h.admitTokenKey(token, id, pair)
}

func (p *peer) flush() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	return p.nc.FlushWithContext(ctx)
}

// awaitClosed waits, in virtual time, until the server has closed p's connection.
func (p *peer) awaitClosed(most time.Duration) time.Duration {
	p.t.Helper()
	start := time.Now()
	for p.up.Load() {
		if time.Since(start) > most {
			p.t.Fatalf("%s is still connected after %s", p.id, most)
		}
		time.Sleep(10 * time.Millisecond)
	}
	took := time.Since(start)
	p.stay()
	return took
}

// stay keeps p from dialling, and waits until no dial is under way: it holds nc's lock.
func (p *peer) stay() {
	p.shut.Store(true)
	time.Sleep(5 * time.Second)
}

// refusedFor asserts that p does not get back in with the JWT that it has.
func (p *peer) refusedFor(d time.Duration) {
	p.t.Helper()
	p.shut.Store(false)
	defer p.stay()
	for range int(d / (250 * time.Millisecond)) {
		time.Sleep(250 * time.Millisecond)
		if p.up.Load() {
			p.t.Fatalf("%s is back", p.id)
		}
	}
}

// Issue 6.1: revocation closes live connections within 5 s, and a renewed JWT is
// refused; those whom another token admitted notice nothing.
func TestToken_RevocationClosesConnectionsWithin5s(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, h *house) {
		token, info, err := h.hub.NewToken(t.Context(), TokenRequest{Room: testRoom, Role: events.RoleWorker})
		must(t, err)
		bad, _ := h.admitWith(token, "worker-1")
		bad.mustRegister()
		good := h.admit(events.RoleWorker, "worker-2")
		good.mustRegister()
		left := make(chan events.PeerEvent, 8)
		_, err = good.nc.Subscribe(events.EventSubject(testRoom, events.EventPeerLeft), func(m *nats.Msg) {
			var e events.PeerEvent
			if events.Decode(m.Data, &e) == nil {
				left <- e
			}
		})
		must(t, err)
		must(t, good.flush())

		// As another process does it.
		tokens, err := OpenTokens(h.cfg.TokenDir)
		must(t, err)
		_, err = tokens.Revoke(info.ID, time.Now())
		must(t, err)
		took := bad.awaitClosed(5 * time.Second)
		t.Logf("closed after %s", took)
		_, err = h.post(testRoom, events.JoinRequest{Token: token, NKey: bad.key, Protocol: 1})
		e := wantCode(t, err, events.CodeTokenRevoked)
		if e.Try == "" || e.Message == "" {
			t.Errorf("%+v", e)
		}
		bad.refusedFor(5 * time.Second)
		if e := <-left; e.Seat != bad.seat || e.Reason != events.ReasonRevoked || e.AdminPeerID != "" {
			t.Errorf("the room heard %+v", e)
		}
		if !good.up.Load() || good.lost.Load() != 0 {
			t.Error("another peer was cut off")
		}
		if resp := h.get("/discover-workers?room=lab", token); resp.StatusCode != 401 {
			t.Errorf("HTTP %d with a revoked token", resp.StatusCode)
		}
	})
}

// A hub that was down when the token was revoked, or comes back later, refuses too.
func TestToken_RevocationSurvivesTheHub(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, h *house) {
		token, info, err := h.hub.NewToken(t.Context(), TokenRequest{Room: testRoom, Role: events.RoleClient})
		must(t, err)
		bad, _ := h.admitWith(token, "")
		h.stop()
		tokens, err := OpenTokens(h.cfg.TokenDir)
		must(t, err)
		_, err = tokens.Revoke(info.ID, time.Now())
		must(t, err)
		for range 2 {
			h.start()
			bad.refusedFor(3 * time.Second)
			h.stop()
		}
		// A new token of the same id does not let the old credentials in again.
		_, _, err = tokens.New(TokenRequest{Room: testRoom, Role: events.RoleClient, ID: info.ID}, time.Now())
		must(t, err)
		h.start()
		bad.refusedFor(3 * time.Second)
	})
}

// Whom a revoked token put out may come with another token, with the same key.
func TestToken_AnotherTokenAdmitsTheSameKeyAgain(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, h *house) {
		token, info, err := h.hub.NewToken(t.Context(), TokenRequest{Room: testRoom, Role: events.RoleWorker})
		must(t, err)
		p, _ := h.admitWith(token, "worker-1")
		p.mustRegister()
		_, err = h.hub.tokens.Revoke(info.ID, time.Now())
		must(t, err)
		p.awaitClosed(5 * time.Second)
		time.Sleep(time.Second) // JWTs are dated by the second
		again, _ := h.admitTokenKey(h.token(events.RoleWorker), "worker-1", p.pair)
		a := again.mustRegister()
		time.Sleep(10 * time.Second)
		if !again.up.Load() || a.Incarnation == 0 {
			t.Error("the old revocation cut the new credentials")
		}
	})
}

// Issue 6.1: a token made with --id fits one key only.
func TestToken_OfAChosenIDFitsOneKey(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, h *house) {
		token, _, err := h.hub.NewToken(t.Context(), TokenRequest{Room: testRoom, Role: events.RoleWorker, ID: "gpu-7"})
		must(t, err)
		first, second := publicKey(t, newKey(t)), publicKey(t, newKey(t))
		join := func(key string) error {
			_, err := h.post(testRoom, events.JoinRequest{Token: token, NKey: key, Protocol: 1})
			return err
		}
		must(t, join(first))
		must(t, join(first))
		wantCode(t, join(second), events.CodeForbidden)
		list, err := h.hub.tokens.List()
		must(t, err)
		if i := slices.IndexFunc(list, func(i TokenInfo) bool { return i.ID == "gpu-7" }); list[i].NKey != first {
			t.Errorf("bound to %q", list[i].NKey)
		}
	})
}

// A join that raced the revocation is refused, or its key is in the list.
func TestToken_RevokedBetweenCheckAndMint(t *testing.T) {
	tokens, err := OpenTokens(t.TempDir())
	must(t, err)
	now := time.Now()
	text, _, err := tokens.New(TokenRequest{Room: testRoom, Role: events.RoleWorker}, now)
	must(t, err)
	info, err := tokens.Check(text, now)
	must(t, err)
	_, err = tokens.Revoke(info.ID, now)
	must(t, err)
	key := publicKey(t, newKey(t))
	wantCode(t, tokens.Admit(info, Admitted{NKey: key, Room: testRoom, Peer: "w", Until: now.Add(time.Hour), At: now}), events.CodeTokenRevoked)
}

func TestToken_KeysThatHaveEndedAreForgotten(t *testing.T) {
	tokens, err := OpenTokens(t.TempDir())
	must(t, err)
	now := time.Now()
	_, info, err := tokens.New(TokenRequest{Room: testRoom, Role: events.RoleWorker, TTL: 240 * time.Hour}, now)
	must(t, err)
	var keep string
	var lines strings.Builder
	last := now.Add(maxKeysFile / 80 * time.Second)
	for at := now; at.Before(last); at = at.Add(time.Second) {
		keep = fmt.Sprintf("U%055d", at.Unix())
		lines.WriteString(Admitted{NKey: keep, Room: testRoom, Peer: "w", Until: at.Add(time.Minute), At: at}.line())
	}
	must(t, tokens.exclusively(func() error {
		return errors.Join(tokens.append(info.ID, lines.String(), last), tokens.append(info.ID, "", last))
	}))
	keys, err := readKeys(tokens.keysPath(info.ID))
	must(t, err)
	if _, ok := keys[keep]; !ok || len(keys) > maxKeysFile/80-100 {
		t.Errorf("%d keys are kept, the newest: %v", len(keys), ok)
	}
}

// Issue 6.1: rotating the signing keys needs no restart: both are valid in the grace,
// then the old one is gone.
func TestToken_RotatedKeysAreBothValidInTheGrace(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, h *house) {
		old := h.admit(events.RoleWorker, "worker-1")
		old.mustRegister()
		const grace = 10 * time.Minute
		_, err := embedded.Rotate(h.keyDir(), grace, time.Now())
		must(t, err)
		time.Sleep(2 * gateEvery)
		fresh := h.admit(events.RoleWorker, "worker-2")
		fresh.mustRegister()
		if !old.up.Load() || old.lost.Load() != 0 {
			t.Fatal("the rotation cut a connection in its grace")
		}
		must(t, old.nc.ForceReconnect())
		time.Sleep(2 * time.Second)
		must(t, old.flush())
		time.Sleep(grace)
		old.awaitClosed(2 * gateEvery)
		old.refusedFor(3 * time.Second)
		if !fresh.up.Load() || fresh.lost.Load() != 0 {
			t.Error("the end of the grace cut a connection of the new key")
		}
		again, _ := h.admitTokenKey(h.token(events.RoleWorker), "worker-1", old.pair)
		again.mustRegister()
	})
}

// Without a grace the old keys are gone at once.
func TestToken_RotationWithoutGraceEndsEveryOldJWT(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, h *house) {
		old := h.admit(events.RoleClient, "")
		_, err := embedded.Rotate(h.keyDir(), 0, time.Now())
		must(t, err)
		old.awaitClosed(2 * gateEvery)
		old.refusedFor(3 * time.Second)
		again, _ := h.admitTokenKey(h.token(events.RoleClient), "", old.pair)
		must(t, again.flush())
	})
}

// A life in milliseconds that no duration holds is the longest that one does.
func TestTokenOrder_LivesAsLongAsCanBe(t *testing.T) {
	for ms, longer := range map[int64]bool{math.MaxInt64: true, 1 << 60: true, math.MinInt64: false, 0: false} {
		if ttl := (TokenOrder{TTLMS: ms}).request().TTL; ttl > 0 != longer {
			t.Errorf("%d ms: %s", ms, ttl)
		}
	}
}

// The operator rotates over HTTP: when the answer is there the hub has the new keys, and
// who is nobody's operator or asks for nonsense changes none.
func TestToken_RotationOverHTTP(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, h *house) {
		old := h.admit(events.RoleWorker, "worker-1")
		old.mustRegister()
		none := h.hub.keys.Rotation()
		for _, token := range []string{"", "x", h.token(events.RoleWorker)} {
			if r := h.askWith("POST", "/v1/keys/rotate", token, `{"grace_ms":0}`); r.StatusCode != 401 {
				t.Errorf("with %q: HTTP %d", token, r.StatusCode)
			}
		}
		for _, body := range []string{`{"grace_ms":-1}`, `{"grace_ms":9223372036854775807}`, `{"grace_ms":"x"}`, `[`} {
			if r := h.askWith("POST", "/v1/keys/rotate", operator, body); r.StatusCode != 400 {
				t.Errorf("%s: HTTP %d", body, r.StatusCode)
			}
		}
		if got := h.hub.keys.Rotation(); got != none || old.lost.Load() != 0 {
			t.Fatalf("the keys are those of %+v", got)
		}
		begun := time.Now()
		r := h.askWith("POST", "/v1/keys/rotate", operator, "{}")
		var said Rotation
		must(t, json.NewDecoder(r.Body).Decode(&said))
		if got := h.hub.keys.Rotation(); r.StatusCode != 200 || got.At.Before(begun) || got.Until != got.At.Add(DefaultJWTLife) || !said.FormerUntil.Equal(events.At(got.Until).Time) {
			t.Errorf("HTTP %d, the keys are those of %+v, the answer %+v", r.StatusCode, got, said)
		}
		if !old.up.Load() || old.lost.Load() != 0 {
			t.Error("the rotation cut a connection in its grace")
		}
		time.Sleep(time.Millisecond) // a rotation is known by its time
		if r := h.askWith("POST", "/v1/keys/rotate", operator, `{"grace_ms":0}`); r.StatusCode != 200 {
			t.Errorf("HTTP %d", r.StatusCode)
		}
		old.awaitClosed(gateEvery / 2)
		old.refusedFor(3 * time.Second)
	})
}
