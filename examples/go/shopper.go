package main

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/net/html"
)

// This file stands in for the shopper and the browser: it opens the bank's page, types the code, and goes where the pages lead. A real
// shop has none of this, it has a browser.

// browser is what a shop's server knows of it, from the shopper's request.
type browser struct{ userAgent, acceptLanguage string }

var shopperBrowser = browser{"Mozilla/5.0 (X11; Linux x86_64) example", "en"}

// A redirect is an answer here: where it leads is what we want to know.
var client = http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// confirm returns the address of the shop at which the browser ends.
func confirm(challengeURL string, fields map[string]string, code string) (string, error) {
	asked, err := open(challengeURL, fields)
	if err != nil {
		return "", err
	}
	asked.fields["code"] = code
	answered, err := open(asked.action, asked.fields)
	if err != nil {
		return "", err
	}
	answer, err := post(answered.action, answered.fields) // to sessiond, which keeps it and sends the browser on
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusSeeOther {
		return "", fmt.Errorf("the browser was not sent on: %s", answer.Status)
	}
	return answer.Header.Get("Location"), nil
}

// form is the first one of a page: its address and its hidden fields.
type form struct {
	action string
	fields map[string]string
}

func open(address string, fields map[string]string) (*form, error) {
	answer, err := post(address, fields)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	found, err := readForm(answer.Body)
	if err != nil {
		return nil, err
	}
	action, err := answer.Request.URL.Parse(found.action)
	if err != nil {
		return nil, err
	}
	found.action = action.String()
	return found, nil
}

func post(address string, fields map[string]string) (*http.Response, error) {
	values := url.Values{}
	for name, value := range fields {
		values.Set(name, value)
	}
	request, err := http.NewRequest(http.MethodPost, address, strings.NewReader(values.Encode()))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("User-Agent", shopperBrowser.userAgent)
	return client.Do(request)
}

func readForm(page io.Reader) (*form, error) {
	root, err := html.Parse(page)
	if err != nil {
		return nil, err
	}
	found := &form{fields: map[string]string{}}
	for node := range root.Descendants() {
		attributes := map[string]string{}
		for _, attribute := range node.Attr {
			attributes[attribute.Key] = attribute.Val
		}
		switch {
		case node.Data == "form" && found.action == "":
			found.action = attributes["action"]
		case node.Data == "input" && attributes["type"] == "hidden":
			found.fields[attributes["name"]] = attributes["value"]
		}
	}
	return found, nil
}
