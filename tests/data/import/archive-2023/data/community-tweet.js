window.YTD.community_tweet.part0 = [
  {
    "tweet": {
      "edit_info": {
        "initial": {
          "editTweetIds": [
            "1628650866078646349"
          ],
          "editableUntil": "2023-02-18T13:33:11.000Z",
          "editsRemaining": "5",
          "isEditEligible": true
        }
      },
      "retweeted": false,
      "source": "<a href=\"https://app.example/\" rel=\"nofollow\">Example App</a>",
      "entities": {
        "hashtags": [],
        "symbols": [],
        "user_mentions": [],
        "urls": []
      },
      "display_text_range": [
        "0",
        "25"
      ],
      "favorite_count": "0",
      "id_str": "1628650866078646349",
      "truncated": false,
      "retweet_count": "0",
      "id": "1628650866078646349",
      "created_at": "Thu Feb 23 07:00:00 +0000 2023",
      "favorited": false,
      "full_text": "hello, fellow bean people",
      "lang": "en"
    }
  }
]