window.YTD.tweet_headers.part0 = [
  {
    "tweet": {
      "tweet_id": "1",
      "user_id": "4242",
      "created_at": "Sat Feb 18 12:33:11 +0000 2023"
    }
  }
]