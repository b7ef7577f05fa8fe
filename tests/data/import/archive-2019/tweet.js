window.YTD.tweet.part0 = [ {
  "edit_info": {
    "initial": {
      "editTweetIds": [
        "991195510993846349"
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
    "22"
  ],
  "favorite_count": "0",
  "id_str": "991195510993846349",
  "truncated": false,
  "retweet_count": "0",
  "id": "991195510993846349",
  "created_at": "Tue May 01 06:00:00 +0000 2018",
  "favorited": false,
  "full_text": "mornings are for bread",
  "lang": "en"
}, {
  "edit_info": {
    "initial": {
      "editTweetIds": [
        "991557898859446349"
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
    "39"
  ],
  "favorite_count": "0",
  "id_str": "991557898859446349",
  "truncated": false,
  "retweet_count": "0",
  "id": "991557898859446349",
  "created_at": "Wed May 02 06:00:00 +0000 2018",
  "favorited": false,
  "full_text": "evenings are for reading &gt; scrolling",
  "lang": "en"
} ];
