window.YTD.account.part0 = [ {
  "account" : {
    "username" : "fictional_gardener"
  }
} ]