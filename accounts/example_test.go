package accounts_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/gobearer/bearer"
	"github.com/gobearer/bearer/accounts"
	"github.com/gobearer/bearer/keys"
)

// A store, an account in it, an authenticator and a token endpoint, to which the
// account's owner logs in.
func ExampleNew() {
	ctx := context.Background()
	store := new(accounts.MemoryStore) // in production: one in a database

	admin := accounts.Admin{Store: store}
	tom := bearer.Account{ID: "1087", UserName: "Tom", Name: "Tom Sawyer", Roles: []string{"user"}}
	privateToken, err := admin.Create(ctx, tom, "correct horse battery staple")
	if err != nil {
		log.Fatal(err)
	}
	// The private token is shown to its owner now, and never again.

	auth, err := accounts.New(store, accounts.WithObserver(func(_ context.Context, e accounts.Event) {
		fmt.Printf("event: %s, account %q\n", e.Outcome, e.Account)
	}))
	if err != nil {
		log.Fatal(err)
	}
	key, err := keys.Generate(keys.HS256)
	if err != nil {
		log.Fatal(err)
	}
	ring, err := keys.NewRing(key)
	if err != nil {
		log.Fatal(err)
	}
	issuer, err := bearer.NewIssuer("https://shop.example.com", ring, auth)
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	issuer.Mount(mux)
	server := httptest.NewServer(mux)
	defer server.Close()

	login := func(userName, password string) {
		body, err := json.Marshal(map[string]string{"userName": userName, "password": password, "privateToken": privateToken})
		if err != nil {
			log.Fatal(err)
		}
		answer, err := http.Post(server.URL+"/token", "application/json", bytes.NewReader(body))
		if err != nil {
			log.Fatal(err)
		}
		defer answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			text, _ := io.ReadAll(answer.Body)
			fmt.Printf("%s %s", answer.Status, text)
			return
		}
		var response bearer.TokenResponse
		if err := json.NewDecoder(answer.Body).Decode(&response); err != nil {
			log.Fatal(err)
		}
		fmt.Println(answer.Status, response.TokenType, "token for", response.UserName)
	}
	login("tom", "correct horse battery staple")
	login("tom", "Tr0ub4dor&3")
	login("huck", "correct horse battery staple")
	// Output:
	// event: granted, account "1087"
	// 200 OK Bearer token for Tom
	// event: wrong_password, account "1087"
	// 400 Bad Request {"error":"invalid_grant","error_description":"The user name, password or private token is wrong"}
	// event: unknown_user, account ""
	// 400 Bad Request {"error":"invalid_grant","error_description":"The user name, password or private token is wrong"}
}

// Accounts that come from elsewhere keep their hashes until their owners log in.
// SchemeOf tells what WithSchemes has to accept for them.
func ExampleWithSchemes() {
	ctx := context.Background()
	const old = "$2a$10$tYw5q/KeGZ3sNAJqcYalnOfh2xPzDaOez0eu1hRcZ9b/LsiJD.kCW" // of "correct horse"
	scheme, err := accounts.SchemeOf(old)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("accepting", scheme)

	token, tokenHash := accounts.NewPrivateToken()
	store := new(accounts.MemoryStore)
	err = store.Create(ctx, &accounts.Record{
		Account: bearer.Account{ID: "1087", UserName: "tom"}, Login: "tom", PasswordHash: old, PrivateToken: tokenHash,
	})
	if err != nil {
		log.Fatal(err)
	}
	auth, err := accounts.New(store, accounts.WithSchemes(accounts.Argon2id(19456, 2, 1), scheme))
	if err != nil {
		log.Fatal(err)
	}
	if _, err := auth.Authenticate(ctx, bearer.Credentials{UserName: "tom", Password: "correct horse", PrivateToken: token}); err != nil {
		log.Fatal(err)
	}
	tom, err := store.Lookup(ctx, "tom")
	if err != nil {
		log.Fatal(err)
	}
	scheme, err = accounts.SchemeOf(tom.PasswordHash)
	fmt.Println("now", scheme, err)
	// Output:
	// accepting bcrypt cost=10
	// now argon2id m=19456 t=2 p=1 <nil>
}
