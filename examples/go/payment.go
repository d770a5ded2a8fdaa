package main

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	types "example.com/pay/gen/sessiond/payment_types"
	sessiondv1 "example.com/pay/gen/sessiond/v1"
)

const deadline = 20 * time.Second // all attempts of one call together

// payment is one order's session. The token is the right to go on with it: it stays on the server.
type payment struct {
	creator  types.MerchantAuthenticationServiceClient
	sessions sessiondv1.SessionServiceClient
	orderID  string
	token    string
}

func newPayment(connection grpc.ClientConnInterface, orderID string) *payment {
	return &payment{
		creator:  types.NewMerchantAuthenticationServiceClient(connection),
		sessions: sessiondv1.NewSessionServiceClient(connection),
		orderID:  orderID,
	}
}

// create makes the session, or finds it again: the same id and payload get the same session, and never a second one.
func (p *payment) create(ctx context.Context, amount int64, browser browser) error {
	// Whose account at which connector pays. A shop with one account sends the same two headers with every create.
	ctx = metadata.AppendToOutgoingContext(ctx,
		"x-connector", "stripe",
		"x-connector-config", `{"config":{"Stripe":{"api_key":"sk_test_x"}}}`)
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()

	var header metadata.MD
	answer, err := p.creator.CreateSessionToken(ctx, &types.MerchantAuthenticationServiceCreateSessionTokenRequest{
		MerchantSessionId: proto.String(p.orderID),
		Amount:            &types.Money{MinorAmount: amount, Currency: types.Currency_EUR},
		BrowserInfo: &types.BrowserInformation{ // the session is bound to it
			UserAgent: proto.String(browser.userAgent), AcceptLanguage: proto.String(browser.acceptLanguage)},
		TestMode: proto.Bool(true),
	}, grpc.Header(&header))
	if err != nil {
		return err
	}
	if answer.Error != nil { // the connector's no is an answer; ours is a gRPC status
		return fmt.Errorf("the connector refused: %s", answer.GetError().GetUnifiedDetails().GetMessage())
	}
	p.token = answer.SessionToken
	fmt.Print("created    ", p.orderID)
	if replayed := header.Get("x-session-replayed"); len(replayed) == 1 && replayed[0] == "true" {
		fmt.Print(" (it was there already: an earlier answer was lost)")
	}
	fmt.Println()
	return nil
}

// beginChallenge gets a single-use handle, and the address at which the bank gives the browser back.
func (p *payment) beginChallenge(ctx context.Context) (*sessiondv1.BeginStepResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	answer, err := p.sessions.BeginStep(ctx, &sessiondv1.BeginStepRequest{
		SessionToken:      p.token,
		MerchantSessionId: p.orderID,
		TestMode:          proto.Bool(true),
		Name:              "three_ds_challenge",
		ReturnUrl:         shop + "/orders/" + p.orderID,
		EventId:           "challenge-" + p.orderID, // the same id again: the same step, not a second one
	})
	p.keep(answer.GetSessionToken())
	return answer, err
}

// look gets the session as it is; the browser that has come back must be the one that left.
func (p *payment) look(ctx context.Context, browser browser) (*sessiondv1.Session, error) {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	answer, err := p.sessions.GetSession(ctx, &sessiondv1.GetSessionRequest{
		SessionToken:      p.token,
		MerchantSessionId: p.orderID,
		TestMode:          proto.Bool(true),
		BrowserInfo: &sessiondv1.BrowserInformation{
			UserAgent: proto.String(browser.userAgent), AcceptLanguage: proto.String(browser.acceptLanguage)},
	})
	return answer.GetSession(), err
}

func (p *payment) tell(ctx context.Context, event sessiondv1.SessionEvent) error {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	answer, err := p.sessions.AdvanceSession(ctx, &sessiondv1.AdvanceSessionRequest{
		SessionToken:      p.token,
		MerchantSessionId: p.orderID,
		TestMode:          proto.Bool(true),
		Event:             event,
		EventId:           fmt.Sprint(event, "-", p.orderID),
	})
	if err != nil {
		return err
	}
	p.keep(answer.SessionToken)
	fmt.Println("told      ", event, answer.Outcome)
	return nil
}

// keep takes the newer token that some calls hand out (a passed challenge does); the older one is refused sooner or later.
func (p *payment) keep(token string) {
	if token != "" {
		p.token = token
	}
}
