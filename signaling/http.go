package signaling

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"strconv"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

func (h *Hub) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/rooms/{room}/join", h.whenReady(h.serveJoin))
	mux.HandleFunc("GET /discover-workers", h.whenReady(h.serveDiscover))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { writeText(w, "ok\n") })
	mux.HandleFunc("GET /readyz", h.whenReady(h.serveReady))
	mux.HandleFunc("GET /version", h.serveVersion)
	mux.HandleFunc("GET /metrics", h.asOperator(promhttp.HandlerFor(h.metrics.registry, promhttp.HandlerOpts{}).ServeHTTP))
	mux.HandleFunc("GET /v1/peers", h.whenReady(h.asOperator(h.servePeers)))
	mux.HandleFunc("GET /v1/tokens", h.whenReady(h.asOperator(h.serveTokens)))
	mux.HandleFunc("POST /v1/tokens", h.whenReady(h.asOperator(h.serveNewToken)))
	mux.HandleFunc("DELETE /v1/tokens/{id}", h.whenReady(h.asOperator(h.serveRevoke)))
	mux.HandleFunc("POST /v1/keys/rotate", h.whenReady(h.asOperator(h.serveRotate)))
	mux.HandleFunc("DELETE /v1/rooms/{room}/peers/{peer}", h.whenReady(h.asOperator(h.serveRelease)))
	return mux
}

func (h *Hub) whenReady(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-h.ready:
			next(w, r)
		default:
			writeError(w, events.Errorf(events.CodeUnavailable, "the hub is starting"))
		}
	}
}

// serveJoin admits a peer: join token and public nkey in, credentials out.
func (h *Hub) serveJoin(w http.ResponseWriter, r *http.Request) {
	if err := h.doorkeeper.address(r.RemoteAddr, time.Now()); err != nil {
		h.refuseForNow(w, err)
		return
	}
	var q events.JoinRequest
	if err := readBody(w, r, "join request", &q); err != nil {
		writeError(w, err)
		return
	}
	reply, err := h.join(r.Context(), r.PathValue("room"), q)
	if errors.As(err, new(tooOften)) {
		h.refuseForNow(w, err)
		return
	}
	if err != nil {
		h.metrics.rejected.WithLabelValues(string(events.CodeOf(err))).Inc()
		writeError(w, err)
		return
	}
	reply.NATSURLs = reachable(reply.NATSURLs, r.Host)
	writeJSON(w, http.StatusOK, reply)
}

// refuseForNow tells a caller when to come back: in a second, or as the error says.
func (h *Hub) refuseForNow(w http.ResponseWriter, err error) {
	h.metrics.rejected.WithLabelValues("rate").Inc()
	e := events.AsError(err)
	w.Header().Set("Retry-After", strconv.FormatInt(max(1, (e.RetryAfterMS+999)/1000), 10))
	writeJSON(w, http.StatusTooManyRequests, events.ErrorReply{Error: e})
}

// readBody decodes what a caller sent, at most MaxJoinBody bytes.
func readBody(w http.ResponseWriter, r *http.Request, what string, v any) error {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, events.MaxJoinBody))
	if over := (*http.MaxBytesError)(nil); errors.As(err, &over) {
		return events.Errorf(events.CodeTooLarge, "request over %d bytes", over.Limit)
	}
	if err == nil {
		err = events.Decode(body, v)
	}
	if err != nil {
		return events.Errorf(events.CodeInvalid, "%s: %v", what, err)
	}
	return nil
}

// reachable puts the host under which the caller reached us into URLs of a server
// that listens on all addresses.
func reachable(urls []string, host string) []string {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = host
	}
	out := make([]string, 0, len(urls))
	for _, text := range urls {
		u, err := url.Parse(text)
		if err == nil && name != "" {
			if ip := net.ParseIP(u.Hostname()); ip != nil && ip.IsUnspecified() {
				u.Host = net.JoinHostPort(name, u.Port())
				text = u.String()
			}
		}
		out = append(out, text)
	}
	return out
}

func (h *Hub) serveReady(w http.ResponseWriter, r *http.Request) {
	if _, err := h.store.id(r.Context()); err != nil {
		writeError(w, err)
		return
	}
	writeText(w, "ready\n")
}

func (h *Hub) serveVersion(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]any{"version": h.cfg.Version, "protocol": events.ProtocolVersion, "go": runtime.Version()})
}

func writeText(w http.ResponseWriter, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, text) // the caller is gone if it fails
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the caller is gone if it fails
}

func writeError(w http.ResponseWriter, err error) {
	e := events.AsError(err)
	writeJSON(w, httpStatus(e.Code), events.ErrorReply{Error: e})
}

func httpStatus(c events.Code) int {
	switch c {
	case events.CodeInvalid, events.CodeVersion:
		return http.StatusBadRequest
	case events.CodeUnauthorized, events.CodeTokenExpired, events.CodeTokenRevoked:
		return http.StatusUnauthorized
	case events.CodeForbidden:
		return http.StatusForbidden
	case events.CodeNameTaken, events.CodeConflict:
		return http.StatusConflict
	case events.CodeTooLarge:
		return http.StatusRequestEntityTooLarge
	case events.CodeUnavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}
