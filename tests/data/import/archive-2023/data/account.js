window.YTD.account.part0 = [
  {
    "account": {
      "email": "nobody@mail.example",
      "createdVia": "web",
      "username": "fictional_gardener",
      "accountId": "4242",
      "createdAt": "2009-01-01T00:00:00.000Z",
      "accountDisplayName": "A Gardener"
    }
  }
]