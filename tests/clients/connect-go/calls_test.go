// connect-go with each of its three protocols, both codecs and both versions of HTTP: what a shop's server does with it. SESSIOND names
// the server (host:port).
package calls

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/proto"

	types "sessiond/payment_types"
	"sessiond/payment_types/typesconnect"
	sessiondv1 "sessiond/v1"
	"sessiond/v1/sessiondv1connect"
)

const patience = 5 * time.Minute // nothing here waits for it

type way struct {
	name    string
	http2   bool
	options []connect.ClientOption
}

// seen is what a call brought over the wire, beside what the library makes of it.
type seen struct {
	http.RoundTripper
	method, contentType, encoding string
}

func (s *seen) RoundTrip(request *http.Request) (*http.Response, error) {
	answer, err := s.RoundTripper.RoundTrip(request)
	s.method = request.Method
	if err == nil {
		s.contentType = answer.Header.Get("content-type")
		s.encoding = answer.Header.Get("content-encoding") + answer.Header.Get("grpc-encoding") + answer.Header.Get("connect-content-encoding")
	}
	return answer, err
}

type clients struct {
	creator  typesconnect.MerchantAuthenticationServiceClient
	sessions sessiondv1connect.SessionServiceClient
	none     *connect.Client[types.MerchantAuthenticationServiceCreateSessionTokenRequest, types.MerchantAuthenticationServiceCreateSessionTokenResponse]
	seen     *seen
}

func ways() []way {
	protocols := []struct {
		name    string
		options []connect.ClientOption
	}{{"connect", nil}, {"grpc", []connect.ClientOption{connect.WithGRPC()}}, {"grpcweb", []connect.ClientOption{connect.WithGRPCWeb()}}}
	codecs := []struct {
		name    string
		options []connect.ClientOption
	}{{"proto", nil}, {"json", []connect.ClientOption{connect.WithProtoJSON()}}}
	var all []way
	for _, protocol := range protocols {
		for _, codec := range codecs {
			for _, http2 := range []bool{false, true} {
				if protocol.name == "grpc" && !http2 {
					continue
				}
				all = append(all, way{
					name:    fmt.Sprintf("%s/%s/http%d", protocol.name, codec.name, map[bool]int{false: 1, true: 2}[http2]),
					http2:   http2,
					options: append(append([]connect.ClientOption{}, protocol.options...), codec.options...),
				})
			}
		}
	}
	return all
}

func connectTo(w way, more ...connect.ClientOption) *clients {
	transport := &http.Transport{Protocols: new(http.Protocols), DialContext: (&net.Dialer{}).DialContext}
	transport.Protocols.SetHTTP1(!w.http2)
	transport.Protocols.SetUnencryptedHTTP2(w.http2)
	wire := &seen{RoundTripper: transport}
	url, options := "http://"+os.Getenv("SESSIOND"), append(append([]connect.ClientOption{}, w.options...), more...)
	return &clients{
		creator:  typesconnect.NewMerchantAuthenticationServiceClient(&http.Client{Transport: wire}, url, options...),
		sessions: sessiondv1connect.NewSessionServiceClient(&http.Client{Transport: wire}, url, options...),
		none: connect.NewClient[types.MerchantAuthenticationServiceCreateSessionTokenRequest, types.MerchantAuthenticationServiceCreateSessionTokenResponse](
			&http.Client{Transport: wire}, url+"/types.MerchantAuthenticationService/None", options...),
		seen: wire,
	}
}

func each(t *testing.T, check func(t *testing.T, w way)) {
	for _, w := range ways() {
		t.Run(w.name, func(t *testing.T) { check(t, w) })
	}
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func request(id string) *connect.Request[types.MerchantAuthenticationServiceCreateSessionTokenRequest] {
	r := connect.NewRequest(&types.MerchantAuthenticationServiceCreateSessionTokenRequest{
		MerchantSessionId: proto.String(id),
		Amount:            &types.Money{MinorAmount: 1000, Currency: types.Currency_USD},
		TestMode:          proto.Bool(true),
	})
	r.Header().Set("x-connector", "stripe")
	r.Header().Set("x-connector-config", `{"config":{"Stripe":{"api_key":"sk_test_x"}}}`)
	r.Header().Set("x-request-id", "asked-"+id)
	return r
}

func create(t *testing.T, c *clients) (id, token string) {
	id = "go-" + rand.Text()
	answer, err := c.creator.CreateSessionToken(within(t), request(id))
	if err != nil {
		t.Fatal(err)
	}
	if answer.Msg.SessionToken == "" || answer.Header().Get("x-request-id") != "asked-"+id {
		t.Fatalf("%v %v", answer.Msg, answer.Header())
	}
	return id, answer.Msg.SessionToken
}

func get(id, token string) *connect.Request[sessiondv1.GetSessionRequest] {
	return connect.NewRequest(&sessiondv1.GetSessionRequest{SessionToken: token, MerchantSessionId: id, TestMode: proto.Bool(true)})
}

func spoilt(token string) string {
	return token[:len(token)-4] + "AAAA"
}

func tell(t *testing.T, c *clients, id, token string, event sessiondv1.SessionEvent) {
	_, err := c.sessions.AdvanceSession(within(t), connect.NewRequest(&sessiondv1.AdvanceSessionRequest{
		SessionToken: token, MerchantSessionId: id, TestMode: proto.Bool(true), Event: event, EventId: event.String()}))
	if err != nil {
		t.Fatal(err)
	}
}

func TestUnary(t *testing.T) {
	each(t, func(t *testing.T, w way) {
		c := connectTo(w)
		id, token := create(t, c)
		answer, err := c.sessions.GetSession(within(t), get(id, token))
		if err != nil {
			t.Fatal(err)
		}
		if answer.Msg.Session.Status != sessiondv1.SessionStatus_SESSION_STATUS_OPEN {
			t.Fatal(answer.Msg)
		}
	})
}

// GetSession has no side effects, so that the generated client may ask by GET.
func TestGet(t *testing.T) {
	each(t, func(t *testing.T, w way) {
		c := connectTo(w, connect.WithHTTPGet())
		id, token := create(t, c)
		if _, err := c.sessions.GetSession(within(t), get(id, token)); err != nil {
			t.Fatal(err)
		}
		if (c.seen.method == http.MethodGet) != strings.HasPrefix(w.name, "connect/") {
			t.Fatal(c.seen.method)
		}
		if _, err := c.sessions.GetSession(within(t), get(id, spoilt(token))); connect.CodeOf(err) != connect.CodeUnauthenticated {
			t.Fatal(err)
		}
	})
}

// Above the size that the caller allows a URL it is a POST.
func TestGetThatIsTooLong(t *testing.T) {
	each(t, func(t *testing.T, w way) {
		c := connectTo(w, connect.WithHTTPGet(), connect.WithHTTPGetMaxURLSize(100, true))
		id, token := create(t, c)
		if _, err := c.sessions.GetSession(within(t), get(id, token)); err != nil || c.seen.method != http.MethodPost {
			t.Fatal(err, c.seen.method)
		}
	})
}

// What every way shows of the same fault: one code, and one sentence that is not empty.
func TestOneSentenceForAFault(t *testing.T) {
	id, token := create(t, connectTo(ways()[0]))
	faults := []struct {
		name string
		code connect.Code
		call func(c *clients) error
	}{
		{"a method that is none", connect.CodeUnimplemented, func(c *clients) error {
			_, err := c.none.CallUnary(within(t), request(id))
			return err
		}},
		{"a request that is too large", connect.CodeResourceExhausted, func(c *clients) error {
			large := request(id)
			large.Msg.Metadata = &types.SecretString{Value: strings.Repeat("m", 400_000)}
			_, err := c.creator.CreateSessionToken(within(t), large)
			return err
		}},
		{"no id", connect.CodeInvalidArgument, func(c *clients) error {
			_, err := c.creator.CreateSessionToken(within(t), request(""))
			return err
		}},
		{"a token that is none", connect.CodeUnauthenticated, func(c *clients) error {
			_, err := c.sessions.GetSession(within(t), get(id, spoilt(token)))
			return err
		}},
	}
	for _, fault := range faults {
		sentence := ""
		for _, w := range ways() {
			var told *connect.Error
			if err := fault.call(connectTo(w)); !errors.As(err, &told) || told.Code() != fault.code || told.Message() == "" {
				t.Errorf("%s: %s: %v", w.name, fault.name, err)
			} else if sentence != "" && told.Message() != sentence {
				t.Errorf("%s: %s: %q, and before it %q", w.name, fault.name, told.Message(), sentence)
			} else {
				sentence = told.Message()
			}
		}
	}
}

func TestErrorWithDetails(t *testing.T) {
	each(t, func(t *testing.T, w way) {
		c := connectTo(w)
		wrong := request("go-" + rand.Text())
		wrong.Msg.Amount = nil
		wrong.Msg.MerchantSessionId = nil
		_, err := c.creator.CreateSessionToken(within(t), wrong)
		var refused *connect.Error
		if !errors.As(err, &refused) || refused.Code() != connect.CodeInvalidArgument || refused.Message() == "" {
			t.Fatal(err)
		}
		fields, reason := map[string]bool{}, ""
		for _, detail := range refused.Details() {
			value, err := detail.Value()
			if err != nil {
				t.Fatal(err)
			}
			switch value := value.(type) {
			case *errdetails.BadRequest:
				for _, violation := range value.FieldViolations {
					fields[violation.Field] = true
				}
			case *errdetails.ErrorInfo:
				reason = value.Reason
			}
		}
		if !fields["amount"] || !fields["merchant_session_id"] || reason != "INVALID_FIELDS" {
			t.Fatal(fields, reason)
		}
		if refused.Meta().Get("x-request-id") == "" {
			t.Fatal(refused.Meta())
		}
	})
}

// The server knows of the deadline: it is over before the connector has answered.
func TestDeadline(t *testing.T) {
	each(t, func(t *testing.T, w way) {
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		defer cancel()
		_, err := connectTo(w).creator.CreateSessionToken(ctx, request("sim-slow-60000-"+rand.Text()))
		if connect.CodeOf(err) != connect.CodeDeadlineExceeded {
			t.Fatal(err)
		}
	})
}

func watch(ctx context.Context, t *testing.T, c *clients, id, token string) *connect.ServerStreamForClient[sessiondv1.WatchSessionResponse] {
	stream, err := c.sessions.WatchSession(ctx, connect.NewRequest(&sessiondv1.WatchSessionRequest{
		SessionToken: token, MerchantSessionId: id, TestMode: proto.Bool(true)}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stream.Close() })
	return stream
}

// The session now, then what became of it, then the end.
func TestStream(t *testing.T) {
	each(t, func(t *testing.T, w way) {
		c := connectTo(w)
		id, token := create(t, c)
		stream := watch(within(t), t, c, id, token)
		if !stream.Receive() || stream.Msg().Session.Status != sessiondv1.SessionStatus_SESSION_STATUS_OPEN {
			t.Fatal(stream.Err(), stream.Msg())
		}
		tell(t, connectTo(w), id, token, sessiondv1.SessionEvent_SESSION_EVENT_COMPLETED)
		for stream.Receive() && stream.Msg().Session.Status == sessiondv1.SessionStatus_SESSION_STATUS_OPEN { // a sign of life
		}
		if stream.Err() != nil || stream.Msg().Session.Status != sessiondv1.SessionStatus_SESSION_STATUS_COMPLETED {
			t.Fatal(stream.Err(), stream.Msg())
		}
		if stream.Receive() || stream.Err() != nil {
			t.Fatal(stream.Err())
		}
	})
}

func TestStreamError(t *testing.T) {
	each(t, func(t *testing.T, w way) {
		c := connectTo(w)
		id, token := create(t, c)
		stream := watch(within(t), t, c, "not-"+id, token)
		if stream.Receive() {
			t.Fatal(stream.Msg())
		}
		var refused *connect.Error
		if !errors.As(stream.Err(), &refused) || refused.Code() != connect.CodePermissionDenied {
			t.Fatal(stream.Err())
		}
		for _, detail := range refused.Details() {
			if value, err := detail.Value(); err == nil {
				if info, is := value.(*errdetails.ErrorInfo); is && info.Reason == "TOKEN_MISMATCH" {
					return
				}
			}
		}
		t.Fatal(refused.Details())
	})
}

func TestCancellation(t *testing.T) {
	each(t, func(t *testing.T, w way) {
		c := connectTo(w)
		id, token := create(t, c)
		ctx, cancel := context.WithCancel(within(t))
		stream := watch(ctx, t, c, id, token)
		if !stream.Receive() {
			t.Fatal(stream.Err())
		}
		cancel()
		for stream.Receive() {
		}
		if connect.CodeOf(stream.Err()) != connect.CodeCanceled {
			t.Fatal(stream.Err())
		}
		tell(t, connectTo(w), id, token, sessiondv1.SessionEvent_SESSION_EVENT_COMPLETED) // which the stream did not take with it
	})
}

// What is sent packed comes back packed, whatever its length; connect-go takes gzip by itself.
func TestCompression(t *testing.T) {
	each(t, func(t *testing.T, w way) {
		c := connectTo(w, connect.WithSendGzip())
		id, token := create(t, c)
		update := connect.NewRequest(&sessiondv1.UpdateSessionRequest{SessionToken: token, MerchantSessionId: id, TestMode: proto.Bool(true),
			Metadata: &sessiondv1.SecretString{Value: strings.Repeat("a long story. ", 200)}})
		answer, err := c.sessions.UpdateSession(within(t), update)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.sessions.GetSession(within(t), get(id, answer.Msg.SessionToken)); err != nil {
			t.Fatal(err)
		}
		if c.seen.encoding != "gzip" {
			t.Fatalf("content came as %q", c.seen.encoding)
		}
	})
}
