// One whole 3-D Secure payment by gRPC: what a shop's server does, from the first call to the end.
//
//	go run . [ORDER_ID]
//
// SESSIOND names the server (127.0.0.1:8080), BANK the bank's challenge page (the sandbox's simulator: http://127.0.0.1:8090).
package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/google/uuid"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	sessiondv1 "example.com/pay/gen/sessiond/v1"
)

const shop = "http://localhost:3000" // where the browser comes back to; the sandbox takes any address of this machine

// Every call may be repeated: creates are known by merchant_session_id, all others by their event_id. So the library may do it. An
// answer that was lost (the connection broke, the worker was replaced) is UNAVAILABLE; where the server wants a pause it says how
// long (grpc-retry-pushback-ms), and the library keeps to it.
const retries = `{"methodConfig": [{
	"name": [{}],
	"retryPolicy": {"maxAttempts": 5, "initialBackoff": "0.2s", "maxBackoff": "2s", "backoffMultiplier": 2,
	                "retryableStatusCodes": ["UNAVAILABLE", "ABORTED"]}
}]}`

func main() {
	orderID := uuid.NewString()
	if len(os.Args) > 1 {
		orderID = os.Args[1]
	}
	connection, err := grpc.NewClient(setting("SESSIOND", "127.0.0.1:8080"),
		grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDefaultServiceConfig(retries))
	if err != nil {
		fail(err)
	}
	defer connection.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	session, err := pay(ctx, newPayment(connection, orderID))
	if err != nil {
		fail(err)
	}
	fmt.Println("ended     ", session.Status)
}

func pay(ctx context.Context, payment *payment) (*sessiondv1.Session, error) {
	if err := payment.create(ctx, 12900, shopperBrowser); err != nil {
		return nil, err
	}
	begun, err := payment.beginChallenge(ctx)
	if err != nil {
		return nil, err
	}
	backAt, err := confirm(setting("BANK", "http://127.0.0.1:8090")+"/acs/challenge", challengeForm(payment.orderID, begun), "1234")
	if err != nil {
		return nil, err
	}
	fmt.Println("came back  to", backAt)

	session, err := payment.look(ctx, shopperBrowser)
	if err != nil {
		return nil, err
	}
	events := []sessiondv1.SessionEvent{
		sessiondv1.SessionEvent_SESSION_EVENT_CHALLENGE_PASSED,
		sessiondv1.SessionEvent_SESSION_EVENT_PROCESSING_STARTED,
		// Here a real shop asks the connector to pay, under an idempotency key of the order's.
		sessiondv1.SessionEvent_SESSION_EVENT_COMPLETED,
	}
	if session.Status != sessiondv1.SessionStatus_SESSION_STATUS_RETURNED || !challengePassed(session) {
		events = []sessiondv1.SessionEvent{sessiondv1.SessionEvent_SESSION_EVENT_FAILED}
	}
	for _, event := range events {
		if err := payment.tell(ctx, event); err != nil {
			return nil, err
		}
	}
	return payment.look(ctx, shopperBrowser)
}

// challengeForm is what the shop's page posts to the bank, with the shopper's browser.
func challengeForm(orderID string, begun *sessiondv1.BeginStepResponse) map[string]string {
	creq, _ := json.Marshal(map[string]string{
		"messageType": "CReq", "messageVersion": "2.2.0", "challengeWindowSize": "05",
		"threeDSServerTransID": begun.Session.SessionId, "acsTransID": begun.Session.SessionId,
	})
	return map[string]string{
		"creq":               base64.RawURLEncoding.EncodeToString(creq),
		"threeDSSessionData": begun.StepHandle,
		"termUrl":            begun.ReturnUrl,
		"merchantName":       "Lakeside Outfitters",
		"purchase":           "order " + orderID,
	}
}

// challengePassed reads the bank's word as the browser brought it. A real shop lets its connector judge it.
func challengePassed(session *sessiondv1.Session) bool {
	var cres struct{ TransStatus string }
	text, err := base64.RawURLEncoding.DecodeString(session.GetRedirectResult().GetPayload()["cres"])
	return err == nil && json.Unmarshal(text, &cres) == nil && cres.TransStatus == "Y"
}

// reason is a word that never changes (the message may): errors carry google.rpc details, ErrorInfo has it.
func reason(refused *status.Status) string {
	for _, detail := range refused.Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			return fmt.Sprint(info.Reason, " ", info.Metadata)
		}
	}
	return "no reason"
}

func fail(err error) {
	if refused, ok := status.FromError(err); ok {
		fmt.Fprintf(os.Stderr, "%v (%s): %s\n", refused.Code(), reason(refused), refused.Message())
	} else {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(1)
}

func setting(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}
