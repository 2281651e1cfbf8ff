"""Three invented people and what they write into their forms."""

from dataclasses import dataclass, field

from training.ink import BLACK_PEN, BLUE_PEN, Colour


@dataclass(frozen=True, slots=True)
class Person:
    """An applicant. Dictionaries map a form's field names to text, or to a style of tick."""

    name: str
    phone: str
    signed_on: str
    hand: str
    pen: Colour
    jobs: str
    identity: dict[str, str] = field(default_factory=dict)
    boxes: dict[str, str] = field(default_factory=dict)
    income: dict[str, str] = field(default_factory=dict)
    return_values: dict[str, str] = field(default_factory=dict)
    return_boxes: dict[str, str] = field(default_factory=dict)
    sums: dict[str, str] = field(default_factory=dict)


ANA = Person(
    name="Ana Okafor",
    phone="555 0134",
    signed_on="02/11/2025",
    hand="caveat",
    pen=BLUE_PEN,
    jobs="2",
    identity={
        "yourFirstName": "Ana",
        "yourMiddleInitial": "M",
        "yourLastName": "Okafor",
        "yourDateOfBirth": "04/17/1984",
        "yourJobTitle": "Nurse",
        "spousesFirstName": "Tomas",
        "spousesLastName": "Okafor",
        "spousesDateOfBirth": "09/02/1982",
        "spousesJobTitle": "Electrician",
        "mailingAddress": "29 Orchard Lane",
        "maillingApartmentNumber": "4B",
        "mailingCity": "Fairhaven",
        "mailingState": "OH",
        "mailingZIPCode": "43210",
        "yourTelephoneNumber": "555 0134",
        "yourEmailAddress": "ana.okafor@example.org",
        "Row1.nameFirstLast": "Lena Okafor",
        "Row1.dateOfBirth": "06/30/15",
        "Row1.relationshipToYou": "Child",
        "Row1.monthsLivedHome": "12",
        "Row1.singleMarried": "S",
        "Row1.usCitizen": "Y",
        "Row1.residentUSCandaMexico": "Y",
        "Row1.fullTimeStudent": "Y",
    },
    boxes={
        "liveWorkNo": "cross",
        "usCitizenYou": "check",
        "usCitizenSpouse": "check",
        "onVisaNo": "cross",
        "studentNo": "check",
        "legallyBlindNo": "cross",
        "disabledNo": "cross",
        "identityProtectionNo": "check",
        "digitalAssetsNo": "scribble",
        "refundDirectDeposit": "check",
        "blanceDirectPay": "cross",
        "otherLanguageNo": "check",
        "voteInformationYes": "check",
        "presidentialElectionFundNo": "cross",
        "statusMarried": "cross",
        "forAllYes": "check",
        "liveWithYes": "check",
    },
    income={
        "wagesPartFull": "check",
        "receivedMoneyTimps": "cross",
        "refundStateLocal": "check",
        "interestOrDividends": "filled",
        "formW2s": "cross",
        "itemizedNo": "check",
    },
    return_values={
        "PrimaryFirstNm": "Ana M",
        "PrimaryLastNm": "Okafor",
        "PrimarySSN": "900 11 2233",
        "AddressLine1Txt": "29 Orchard Lane",
        "CityNm": "Fairhaven",
        "StateAbbreviationCd": "OH",
        "ZipCd": "43210",
        "DependentLegalNm": "Lena Okafor",
        "DependentRelationship": "Daughter",
        "WagesSalariesAndTipsAmt1": "41,250",
        "TaxableInterestAmt2b": "118",
    },
    return_boxes={"DependentCTCInd": "check", "MustItemizeInd": "cross"},
    sums={"TaxAmt16": "2,911", "FormW2WithheldTaxAmt25a": "3,640", "RefundAmt35": "729"},
)

BEN = Person(
    name="Ben Lindqvist",
    phone="555 0177",
    signed_on="03/05/2025",
    hand="patrick-hand",
    pen=BLACK_PEN,
    jobs="1",
    identity={
        "yourFirstName": "Ben",
        "yourLastName": "Lindqvist",
        "yourDateOfBirth": "11/23/1957",
        "yourJobTitle": "Retired",
        "mailingAddress": "7 Mill Road",
        "mailingCity": "Northbridge",
        "mailingState": "VT",
        "mailingZIPCode": "05401",
        "yourTelephoneNumber": "555 0177",
    },
    boxes={
        "liveWorkNo": "slash",
        "usCitizenYou": "cross",
        "disabledYou": "cross",
        "refundCheckMail": "cross",
        "statusWidowed": "cross",
        "voteInformationNo": "slash",
    },
    income={
        "retirementAccount": "cross",
        "socialSecurityRailroad": "cross",
        "interestOrDividends": "slash",
        "form1099R": "check",
    },
    return_values={
        "PrimaryFirstNm": "Ben",
        "PrimaryLastNm": "Lindqvist",
        "PrimarySSN": "900 44 5566",
        "AddressLine1Txt": "7 Mill Road",
        "CityNm": "Northbridge",
        "StateAbbreviationCd": "VT",
        "ZipCd": "05401",
        "WagesSalariesAndTipsAmt1": "3,120",
    },
    return_boxes={"Primary65OrOlderInd": "cross", "PrimaryBlindInd": "slash"},
    sums={"TaxAmt16": "0", "TotalPaymentsAmt33": "212", "RefundAmt35": "212"},
)

CHI = Person(
    name="Chi Nguyen",
    phone="555 0119",
    signed_on="01/28/2025",
    hand="shadows-into-light",
    pen=BLUE_PEN,
    jobs="3",
    identity={
        "yourFirstName": "Chi",
        "yourLastName": "Nguyen",
        "yourDateOfBirth": "07/08/1996",
        "yourJobTitle": "Courier",
        "mailingAddress": "112 River Street",
        "maillingApartmentNumber": "9",
        "mailingCity": "Easton",
        "mailingState": "PA",
        "mailingZIPCode": "18042",
        "yourTelephoneNumber": "555 0119",
        "yourEmailAddress": "chi.nguyen@example.org",
    },
    boxes={
        "liveWorkYes": "check",
        "onVisaYou": "check",
        "studentYou": "scribble",
        "refundDirectDeposit": "filled",
        "blanceBankAccount": "check",
        "otherLanguageYou": "check",
        "statusNeverMarried": "check",
    },
    income={
        "wagesPartFull": "check",
        "paymentsContractSelf": "check",
        "scheduleC": "check",
        "form1099NEC": "check",
    },
    return_values={
        "PrimaryFirstNm": "Chi",
        "PrimaryLastNm": "Nguyen",
        "PrimarySSN": "900 77 8899",
        "AddressLine1Txt": "112 River Street",
        "CityNm": "Easton",
        "StateAbbreviationCd": "PA",
        "ZipCd": "18042",
        "WagesSalariesAndTipsAmt1": "28,400",
    },
    return_boxes={"PrimaryClaimAsDependentInd": "check"},
    sums={"TaxAmt16": "1,455", "FormW2WithheldTaxAmt25a": "1,980", "RefundAmt35": "525"},
)
