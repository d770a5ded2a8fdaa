// connect-go, of the version in go.mod, against a running sessiond: what each of its protocols sees of one call and of one
// fault. Messages are made of the descriptors that the build leaves for clients, so that nothing is generated.
//
//	connect-go http://127.0.0.1:8080 sessiond.protoset
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

const (
	create     = "types.MerchantAuthenticationService.CreateSessionToken"
	getSession = "sessiond.v1.SessionService.GetSession"
	adyen      = `{"config":{"Adyen":{"api_key":"k","merchant_account":"m"}}}`
)

type message = dynamicpb.Message

// stack is one way in which connect-go can be told to call.
type stack struct {
	name    string
	http    *http.Client
	options []connect.ClientOption
}

// recorder remembers the HTTP method of the last request.
type recorder struct {
	next   http.RoundTripper
	method string
}

func (r *recorder) RoundTrip(request *http.Request) (*http.Response, error) {
	r.method = request.Method
	return r.next.RoundTrip(request)
}

func transport(http2 bool) http.RoundTripper {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(!http2)
	protocols.SetUnencryptedHTTP2(http2)
	return &http.Transport{Protocols: protocols}
}

func stacks() []stack {
	var all []stack
	for _, version := range []string{"HTTP/1.1", "HTTP/2"} {
		client := &http.Client{Transport: transport(version == "HTTP/2")}
		for _, protocol := range []string{"Connect", "gRPC"} {
			if protocol == "gRPC" && version == "HTTP/1.1" {
				continue
			}
			for _, codec := range []string{"protobuf", "JSON"} {
				for _, coding := range []string{"identity", "gzip"} {
					one := stack{name: strings.Join([]string{protocol, version, codec, coding}, " "), http: client}
					if protocol == "gRPC" {
						one.options = append(one.options, connect.WithGRPC())
					}
					if codec == "JSON" {
						one.options = append(one.options, connect.WithProtoJSON())
					}
					if coding == "gzip" {
						one.options = append(one.options, connect.WithSendGzip())
					}
					all = append(all, one)
				}
			}
		}
	}
	return all
}

type world struct {
	address string
	files   *protoregistry.Files
	failed  bool
}

func (w *world) complain(format string, values ...any) {
	fmt.Printf(format+"\n", values...)
	w.failed = true
}

func (w *world) method(name string) protoreflect.MethodDescriptor {
	found, err := w.files.FindDescriptorByName(protoreflect.FullName(name))
	if err != nil {
		panic(err)
	}
	return found.(protoreflect.MethodDescriptor)
}

// call calls the method; path stands in the place of the method's own if it is not empty.
func (w *world) call(one stack, name, path, request string, options ...connect.ClientOption) (*message, error) {
	method := w.method(name)
	if path == "" {
		path = fmt.Sprintf("/%s/%s", method.Parent().FullName(), method.Name())
	}
	options = append(append([]connect.ClientOption{
		connect.WithSchema(method),
		connect.WithResponseInitializer(func(_ connect.Spec, answer any) error {
			*answer.(*message) = *dynamicpb.NewMessage(method.Output())
			return nil
		}),
	}, one.options...), options...)
	question := dynamicpb.NewMessage(method.Input())
	if err := protojson.Unmarshal([]byte(request), question); err != nil {
		return nil, err
	}
	asked := connect.NewRequest(question)
	asked.Header().Set("x-connector", "adyen")
	asked.Header().Set("x-connector-config", adyen)
	client := connect.NewClient[message, message](one.http, w.address+path, options...)
	answered, err := client.CallUnary(context.Background(), asked)
	if err != nil {
		return nil, err
	}
	return answered.Msg, nil
}

func text(answer *message, path ...string) string {
	var value protoreflect.Message = answer
	for _, name := range path[:len(path)-1] {
		value = value.Get(value.Descriptor().Fields().ByName(protoreflect.Name(name))).Message()
	}
	return value.Get(value.Descriptor().Fields().ByName(protoreflect.Name(path[len(path)-1]))).String()
}

func payment(name string) string {
	return fmt.Sprintf(`{"merchant_session_id":%q,"amount":{"minor_amount":"1000","currency":"EUR"},"test_mode":true}`, name)
}

func continuation(name, token string) string {
	return fmt.Sprintf(`{"session_token":%q,"merchant_session_id":%q,"test_mode":true}`, token, name)
}

// One session, and it is found again, by every stack.
func (w *world) tryCalls() (string, string) {
	name, token := "connect-go-session", ""
	for _, one := range stacks() {
		created, err := w.call(one, create, "", payment(name))
		if err != nil {
			w.complain("%s: create: %v", one.name, err)
			continue
		}
		token = text(created, "session_token")
		found, err := w.call(one, getSession, "", continuation(name, token))
		if err != nil || text(found, "session", "merchant_session_id") != name {
			w.complain("%s: get: %v", one.name, err)
		}
	}
	return name, token
}

// By GET where it fits into a URL, by POST where it does not; only of the method that says so.
func (w *world) tryGet(name, token string) {
	for _, http2 := range []bool{false, true} {
		seen := &recorder{next: transport(http2)}
		for _, codec := range [][]connect.ClientOption{nil, {connect.WithProtoJSON()}} {
			for _, coding := range [][]connect.ClientOption{nil, {connect.WithSendGzip()}} {
				one := stack{name: fmt.Sprint("GET ", http2, len(codec), len(coding)), http: &http.Client{Transport: seen}, options: append(codec, coding...)}
				get := []connect.ClientOption{connect.WithHTTPGet(), connect.WithIdempotency(connect.IdempotencyNoSideEffects)}
				found, err := w.call(one, getSession, "", continuation(name, token), get...)
				if err != nil || seen.method != http.MethodGet || text(found, "session", "merchant_session_id") != name {
					w.complain("%s: %s: %v", one.name, seen.method, err)
				}
				_, err = w.call(one, getSession, "", continuation(name, token[:len(token)-4]+"AAAA"), get...)
				if connect.CodeOf(err) != connect.CodeUnauthenticated {
					w.complain("%s: a token that is none: %v", one.name, err)
				}
				_, err = w.call(one, getSession, "", continuation(name, token), append(get, connect.WithHTTPGetMaxURLSize(100, true))...)
				if err != nil || seen.method != http.MethodPost {
					w.complain("%s: above its size of URLs: %s: %v", one.name, seen.method, err)
				}
				_, err = w.call(one, create, "", payment(name), get...)
				if connect.CodeOf(err) != connect.CodeUnknown || !strings.Contains(err.Error(), "HTTP method not allowed here") {
					w.complain("%s: a method with effects: %v", one.name, err)
				}
			}
		}
	}
}

// What every stack shows of the same fault: one code, and one sentence that is not empty.
func (w *world) tryFaults(name, token string) {
	large := bytes.Repeat([]byte("m"), 400_000)
	faults := []struct {
		what, method, path, request string
		code                        connect.Code
	}{
		{"unknown method", create, "/types.MerchantAuthenticationService/Nothing", payment(name), connect.CodeUnimplemented},
		{"too large", create, "", fmt.Sprintf(`{"merchant_session_id":%q,"metadata":{"value":%q}}`, name, large), connect.CodeResourceExhausted},
		{"no id", create, "", payment(""), connect.CodeInvalidArgument},
		{"no token", getSession, "", continuation(name, token[:len(token)-4]+"AAAA"), connect.CodeUnauthenticated},
	}
	for _, fault := range faults {
		sentence := ""
		for _, one := range stacks() {
			_, err := w.call(one, fault.method, fault.path, fault.request)
			var told *connect.Error
			if !errors.As(err, &told) || told.Code() != fault.code || told.Message() == "" {
				w.complain("%s: %s: %v", one.name, fault.what, err)
				continue
			}
			said := strings.TrimSuffix(told.Message(), " when unpacked")
			if sentence != "" && said != sentence {
				w.complain("%s: %s: %q, and before it %q", one.name, fault.what, said, sentence)
			}
			sentence = said
		}
	}
}

func main() {
	bytesOfSet, err := os.ReadFile(os.Args[2])
	if err != nil {
		panic(err)
	}
	set := new(descriptorpb.FileDescriptorSet)
	if err = proto.Unmarshal(bytesOfSet, set); err != nil {
		panic(err)
	}
	files, err := protodesc.NewFiles(set)
	if err != nil {
		panic(err)
	}
	w := &world{address: os.Args[1], files: files}
	name, token := w.tryCalls()
	if token != "" {
		w.tryGet(name, token)
		w.tryFaults(name, token)
	}
	if w.failed {
		os.Exit(1)
	}
	fmt.Printf("connect-go: %d stacks, no complaint\n", len(stacks()))
}
